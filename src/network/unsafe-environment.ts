/** Environment variables that weaken the process before its first line runs. */

export interface UnsafeVariable {
  readonly variable: string
  /** stop: the service must not start. warn: it starts and says so. */
  readonly severity: 'stop' | 'warn'
  readonly why: string
}

type Environment = Readonly<Record<string, string | undefined>>
type Finding = UnsafeVariable | undefined

const NODE_OPTION_RISKS: readonly (readonly [option: RegExp, why: string])[] = [
  [/^(?:-r|--require|--import|--(?:experimental-)?loader)$/, 'loads foreign code into the process'],
  [/^--(?:inspect|debug)/, 'lets a debugger read secrets from memory'],
  [/^--heap(?:snapshot|-prof)/, 'writes memory, secrets included, to disk'],
  [/^--(?:report|diagnostic)/, 'writes diagnostic reports with the environment in them'],
  [/^--tls-keylog$/, 'writes the keys of every TLS connection to a file'],
  [
    /^--tls-(?:min|max|cipher)|^--openssl|^--use-(?:openssl|system)-ca$/,
    'changes how TLS is verified',
  ],
  [/^--insecure-http-parser$/, 'accepts malformed HTTP'],
]

/** What is unsafe in an environment, worst first; the values are never quoted. */
export function unsafeEnvironment(env: Environment): readonly UnsafeVariable[] {
  const findings: Finding[] = [
    tlsUnverified(env),
    warnIf(env, 'NODE_DEBUG', ['stop', 'makes Node print requests with their headers']),
    warnIf(env, 'NODE_DEBUG_NATIVE', ['stop', 'makes Node print what it sends and receives']),
    ...nodeOptions(env),
    warnIf(env, 'NODE_EXTRA_CA_CERTS', ['warn', 'trusts further certificate authorities']),
    warnIf(env, 'SSL_CERT_FILE', ['warn', 'may replace the trusted certificate authorities']),
    warnIf(env, 'SSL_CERT_DIR', ['warn', 'may replace the trusted certificate authorities']),
    warnIf(env, 'OPENSSL_CONF', ['warn', 'changes how TLS is verified']),
    warnIf(env, 'SSLKEYLOGFILE', ['warn', 'asks for the keys of every TLS connection in a file']),
    warnIf(env, 'NODE_V8_COVERAGE', ['warn', 'writes what was executed to disk']),
    warnIf(env, 'LD_PRELOAD', ['warn', 'loads foreign code into the process']),
  ]
  const found = findings.filter((finding) => finding !== undefined)
  return found.toSorted((a, b) => Number(a.severity === 'warn') - Number(b.severity === 'warn'))
}

/** Node takes only `0` for "do not verify"; anything but `1` shows that somebody meant to. */
function tlsUnverified(env: Environment): Finding {
  const value = env['NODE_TLS_REJECT_UNAUTHORIZED']
  if (value === undefined || value === '' || value === '1') return undefined
  const why = 'switches off the verification of certificates'
  return { variable: 'NODE_TLS_REJECT_UNAUTHORIZED', severity: 'stop', why }
}

function warnIf(
  env: Environment,
  variable: string,
  [severity, why]: [UnsafeVariable['severity'], string],
): Finding {
  return env[variable] ? { variable, severity, why } : undefined
}

function nodeOptions(env: Environment): UnsafeVariable[] {
  const options = (env['NODE_OPTIONS'] ?? '')
    .split(/\s+/)
    .map((option) => option.replace(/=.*$/s, ''))
  return NODE_OPTION_RISKS.filter(([risk]) => options.some((option) => risk.test(option))).map(
    ([, why]) => ({ variable: 'NODE_OPTIONS', severity: 'warn', why }),
  )
}
