/**
 * Writes what is made from code: configuration.md from the schema, services.md from the catalogue,
 * the examples of reports.md from a scripted month. `npm run docs`; a test fails when they are stale.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import { loadCatalog } from '../src/catalog-files.ts'
import type { Catalog } from '../src/catalog/catalog.ts'
import type { Service } from '../src/catalog/service.ts'
import { targetSection } from '../src/config/alerts.ts'
import { settingPaths, unwrap } from '../src/config/overrides.ts'
import { environmentSchema, fileSchema } from '../src/config/schema.ts'
import { settingNotes } from '../src/config/setting.ts'
import { reportsPage } from './report-examples.ts'

export interface Page {
  readonly path: string
  readonly text: string
}

export async function generatePages(): Promise<readonly Page[]> {
  const catalog = await loadCatalog({ configDirectory: undefined, settings: new Map() })
  return [
    { path: join(import.meta.dirname, 'configuration.md'), text: configurationPage() },
    { path: join(import.meta.dirname, 'services.md'), text: servicesPage(catalog) },
    await reportsPage(),
  ]
}

const MADE = '<!-- Made by `npm run docs`: change the code that it is made from. -->'

function configurationPage(): string {
  return `# Configuration

${MADE}

\`apistronghold.yaml\` says what agents may reach and where the credentials for it are kept. It holds no secrets and belongs into
git. \`apistronghold init\` writes it, and \`service ...\`, \`secret set --source\` and \`secret delete\` edit it without touching your comments.
A command finds it in the directory where it is called; \`--config FILE\` or \`APISTRONGHOLD_CONFIG\` say otherwise.

    version: 1
    default_env: production
    environments:
      production:
        state_dir: auto
        data:     {listen: 127.0.0.1:8900, service_listen: {stripe: 127.0.0.1:8910}}   # tls: {cert_file: F, key_file: F}
        control:  {listen: 127.0.0.1:8901}
        vault:    {recipient: age1..., sealers: {alice: "ed25519:..."}}
        tokens:   {default_ttl: 1h, max_ttl: 24h}
        env_sources: [OPENAI_KEY]
        services:
          stripe: {credential: vault:stripe}
          openai: {credential: env:OPENAI_KEY}
          mock:   {extends: stripe, origin: "https://localhost:9443", ca_file: ca.pem, allow_private_address: true}

A mistake stops the start, and all mistakes are reported at once, each with its line. What stands under \`services\`,
\`vault.sealers\`, \`env_sources\`, \`secret_dirs\` and \`alerts\` (but for \`learning\`) takes effect without a restart: the commands see to that, in the name of their operator (\`POST /v1/reload\`), and after edits of your own SIGHUP does. A file that is wrong then changes
nothing. Certificates are read again then and when their files change; listeners and limits only at start. TLS, load balancers
in front and a proxy on the way out are explained in [Network](network.md).

Durations are written as \`90s\`, \`30m\`, \`4h\`, \`7d\` or \`1h30m\`; sizes as \`512KiB\`, \`10MiB\`, \`1GiB\`; paths in the file are relative to it.

## The file

${table(
  ['setting', 'form', 'default', 'meaning'],
  Object.entries(fileSchema.shape).flatMap(([name, schema]) => settingRow(name, schema)),
)}

## An environment

Each setting can also be given as a variable, which wins over the file. Lists and maps are written there in YAML's one-line form:
\`APISTRONGHOLD_ENV_SOURCES='[STRIPE_KEY]'\`.

${table(['setting', 'form', 'default', 'meaning', 'variable'], environmentRows())}

## A service, under \`services\`

${table(['setting', 'form', 'default', 'meaning'], serviceRows())}

## A target, under \`alerts.targets\`

[Alerts](alerts.md) explains what each of them gets.

${table(
  ['setting', 'form', 'default', 'meaning'],
  Object.entries(targetSection.shape).flatMap(([name, schema]) => settingRow(name, schema)),
)}

## Variables of the command line

${table(
  ['variable', 'meaning'],
  [
    ['`APISTRONGHOLD_CONFIG`', 'the configuration file; `--config` wins'],
    ['`APISTRONGHOLD_ENV`', 'the environment; `--env` wins'],
    ['`APISTRONGHOLD_STATE_DIR`', 'the state directory; `--state-dir` wins'],
    ['`APISTRONGHOLD_URL`', 'a control plane elsewhere'],
    ['`APISTRONGHOLD_OPERATOR_KEY`', 'the operator key for it'],
    ['`APISTRONGHOLD_CA_FILE`', 'certificates (PEM) that verify it, instead of the public ones'],
    ['`APISTRONGHOLD_PROXY_URL`', 'where agents reach the data plane of a control plane elsewhere'],
    ['`NO_COLOR`', 'no colours'],
  ],
)}

## The state directory

Keys, database, audit and logs are never where agents look. \`state_dir: auto\` is \`/var/lib/apistronghold/<env>\` for root, else
\`$XDG_STATE_HOME/apistronghold/<project>-<8 hex>/<env>\` (\`~/.local/state\` without that variable). Inside a git work tree it must be
chosen with \`--state-dir\`. It is made with mode 0700 and its files with 0600, whatever the umask; one that others can read, that
belongs to somebody else or that is a symbolic link is refused, with the command that mends it. One directory serves one environment.

The log of the background service is \`logs/serve.log\`; above 8 MiB its lines move to \`serve.log.1\`, in place of those that were there.
Lines that cannot be written, because the disk is full, are lost and counted (\`log_lines_lost\`); the service goes on.
`
}

function settingRow(name: string, schema: unknown): string[][] {
  const note = settingNotes.get(unwrap(schema as z.ZodType))
  return note ? [[`\`${name}\``, code(note.form), preset(note.preset), note.meaning]] : []
}

function environmentRows(): string[][] {
  return settingPaths().map(({ path, variable, schema }) => {
    const note = settingNotes.get(schema)
    const form = note?.form ?? 'service: settings'
    const meaning = note?.meaning ?? 'what differs from the catalogue; see below'
    return [`\`${path.join('.')}\``, code(form), preset(note?.preset), meaning, `\`${variable}\``]
  })
}

function serviceRows(): string[][] {
  const services = unwrap(environmentSchema.shape.services)
  const section = services instanceof z.ZodRecord ? services.valueType : undefined
  if (!(section instanceof z.ZodObject)) throw new Error('services are no map of settings')
  return Object.entries(section.shape).flatMap(([name, schema]) => settingRow(name, schema))
}

function servicesPage(catalog: Catalog): string {
  const services = [...catalog.services.values()]
  return `# Services and scopes

${MADE}

A scope is \`service:action\`, a named set of operations. No scope implies another, and there are no wildcard scopes. Each has one
risk: **read** only reads; **write** is ordinary business and never gives money back; **money** moves or gives back value; **destructive** ends
things for good; **admin** changes who may do what, and where data goes; **secrets** returns credentials
or personal data ([what that means](decisions/0010-what-the-secrets-scope-means.md)).

\`apistronghold service test METHOD URL\` says which scope an operation needs and which rule says so. Operators add services of
their own, or extend one of these, with files in \`services/\` beside the configuration: \`apistronghold service add FILE\`.

A file's \`usage\` block says where answers tell what they cost: tokens of a model, or an amount of money in minor units. It
goes into the [audit](formats/audit.md) from JSON answers and event streams. Of places that are listed the first one that is there counts:

    usage:
      - match: [POST /v1/chat/completions]
        model: model
        input_tokens: [usage.prompt_tokens, usage.fresh_tokens + usage.cached_tokens]
        output_tokens: usage.completion_tokens             # cached_tokens, amount and currency likewise

${table(
  ['service', 'scopes', 'secrets', 'note'],
  services.map((service) => [
    `[${service.name}](#${service.id})`,
    [...service.scopes.keys()].join(', '),
    secretsOf(service).map(code).join(', '),
    service.support.ready ? (service.support.note ?? '') : `not yet: ${service.support.why}`,
  ]),
)}

${services.map(serviceSection).join('\n')}`
}

function serviceSection(service: Service): string {
  const { id, name, docs, hosts, clients } = service
  const scopes = [...service.scopes.values()].map((scope) => [
    code(scope.id),
    scope.risk,
    scope.title,
  ])
  const sdks = Object.entries(clients.sdk).map(([sdk, line]) => `- ${sdk}: ${code(line)}`)
  const variables = clients.env.map((variable) => code(`${variable.name}=${variable.value}`))
  const hostList = hosts.map((host) =>
    host.auth === 'inject' ? code(host.name) : `${code(host.name)} (${host.auth})`,
  )
  const pointing = [
    ...(variables.length > 0 ? [`- variables: ${variables.join(', ')}`] : []),
    ...sdks,
  ]
  return `<a id="${id}"></a>

## ${name}

Service \`${id}\`. Hosts: ${hostList.join(', ')}.${docs === undefined ? '' : ` [API documentation](${docs}).`}

${table(['scope', 'risk', 'what it allows'], scopes)}
${pointing.length > 0 ? `\nPointing clients here:\n\n${pointing.join('\n')}\n` : ''}`
}

function secretsOf({ credential, credentialSplits }: Service): string[] {
  return [...new Set([credential, ...credentialSplits.values()])]
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`
  return [line(header), `|${'---|'.repeat(header.length)}`, ...rows.map(line)].join('\n')
}

const cell = (text: string): string => text.replaceAll('|', String.raw`\|`).replaceAll('\n', ' ')
const code = (text: string): string => `\`${text}\``
const preset = (text: string | undefined): string => (text === undefined ? '' : code(text))

/** Says which pages differ from what they are made from. */
export async function stalePages(): Promise<readonly string[]> {
  const pages = await generatePages()
  return pages.filter(({ path, text }) => readOrEmpty(path) !== text).map(({ path }) => path)
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const { path, text } of await generatePages()) writeFileSync(path, text)
}
