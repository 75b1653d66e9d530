/** The forms that single settings may have; each turns text into the value that the parts use. */

import { isIP } from 'node:net'
import { z } from 'zod'
import { isRecipient, parseSealerPublicKey } from '../secret/keys.ts'
import { isSealerName, isSecretName } from '../secret/names.ts'
import { parseReference } from '../secret/reference.ts'
import { parseWebhookUrl } from '../secret/webhook-url.ts'
import { ANOMALY_RULES } from '../insight/alert.ts'
import { parseCidr } from '../policy/cidr.ts'
import { parseAddress, type Address } from './address.ts'
import { parseSyslogAddress } from './syslog-address.ts'
import { parseDuration, parseSize } from './units.ts'

const SERVICE_ID = /^[a-z][a-z0-9-]{1,31}$/
const ENVIRONMENT_NAME = /^[a-z][a-z0-9-]{0,31}$/
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/
const HOST_NAME = /^(?=.{1,253}$)[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*$/

export const isServiceId = (text: string): boolean => SERVICE_ID.test(text)
export const isEnvironmentName = (text: string): boolean => ENVIRONMENT_NAME.test(text)

/** A string that `read` turns into a value; undefined means that it is not one. */
function readAs<T>(read: (raw: string) => T | undefined, message: string) {
  return z.string({ error: message }).transform((raw, check): T => {
    const value = read(raw)
    if (value !== undefined) return value
    check.addIssue({ code: 'custom', message })
    return z.NEVER
  })
}

/** A string that is kept as it is. */
export const textThat = (isGood: (raw: string) => boolean, message: string) =>
  z.string({ error: message }).refine(isGood, { error: message })

export const address = () => readAs(parseAddress, 'must be HOST:PORT, as 127.0.0.1:8900')
export const duration = () => readAs(parseDuration, 'must be a duration, as 90s, 30m, 4h or 7d')
export const flag = () => z.boolean({ error: 'must be true or false' })

const SIZE = 'must be a size, as 512KiB or 10MiB'
export const size = () =>
  z.union([z.string(), z.number()], { error: SIZE }).transform(String).pipe(readAs(parseSize, SIZE))

export const WORKERS = 'must be auto or a whole number from 1 to 64'
export const workers = () =>
  z
    .union([z.string(), z.number()], { error: WORKERS })
    .transform(String)
    .pipe(readAs(parseWorkers, WORKERS))

const COUNT = 'must be a whole number from 1 to 1000000'
export const count = () =>
  z
    .union([z.string(), z.number()], { error: COUNT })
    .transform(String)
    .pipe(readAs(parseCount, COUNT))

/** Timers cannot wait longer than 24 days, and no request should. */
export const timeout = () =>
  readAs(parseTimeout, 'must be a duration of at most a day, as 90s, 30m or 4h')

export const path = () => textThat((raw) => raw !== '' && !raw.includes('\0'), 'must be a path')
export const absolutePath = () =>
  textThat((raw) => /^\/[^\0]*$/.test(raw), 'must be an absolute path')
export const serviceId = () =>
  textThat(isServiceId, 'must be a service id: lower-case letters, digits and hyphens')
export const environmentName = () =>
  textThat(isEnvironmentName, 'must be a name of lower-case letters, digits and hyphens')
export const variableName = () =>
  textThat((raw) => VARIABLE_NAME.test(raw), 'must be the name of an environment variable')
export const hostName = () =>
  textThat((raw) => HOST_NAME.test(raw), 'must be an exact host name in lower case')
export const network = () =>
  textThat(
    (raw) => parseCidr(raw) !== undefined,
    'must be an address or a range without host bits, as 10.0.0.0/8',
  )
export const exemption = () =>
  textThat(
    (raw) => isIP(raw) !== 0 || HOST_NAME.test(raw.replace(/^\*\./, '')),
    'must be a host name in lower case, *.SUFFIX or an address',
  )
export const plainProxy = () =>
  readAs(parsePlainProxy, 'must be http://HOST:PORT, without credentials and path')
export const webhookUrl = () =>
  readAs(parseWebhookUrl, 'must be https://HOST/PATH in its plain form, without credentials')
export const syslogAddress = () =>
  readAs(
    parseSyslogAddress,
    'must be tls://HOST:PORT, tcp://HOST:PORT, udp://HOST:PORT or unix:/PATH',
  )
export const anomalyRule = () =>
  textThat(
    (raw) => ANOMALY_RULES.some((rule) => rule === raw),
    `must be an anomaly rule: ${ANOMALY_RULES.join(', ')}`,
  )
export const targetName = () =>
  textThat(
    (raw) => /^[0-9A-Za-z][\w.:[\]-]{0,63}$/.test(raw),
    'must be a name of letters, digits, dots, colons and hyphens',
  )

const SCORE = 'must be a number from 0 to 1'
export const score = () =>
  z.number({ error: SCORE }).min(0, { error: SCORE }).max(1, { error: SCORE })

export const splitName = () => textThat(isSecretName, 'must be the name of a split, as admin')
export const operatorName = () => textThat(isSealerName, "must be an operator's name")
export const recipient = () => textThat(isRecipient, 'must be an age recipient (age1...)')

const ORIGIN = 'must be https://HOST or https://HOST:PORT, without a path'
export const origin = () => textThat(isPlainOrigin, ORIGIN)

export const reference = () =>
  z
    .string({ error: 'must be the source of a secret, as vault:NAME or env:VARIABLE' })
    .transform((raw, check) => {
      const parsed = parseReference(raw)
      if (parsed.ok) return parsed.value
      check.addIssue({ code: 'custom', message: parsed.error.problem })
      return z.NEVER
    })

/** A source outside the vault, whose secrets are sealed for the origins of services. */
export const mountedReference = () =>
  reference().refine(({ source }) => source === 'env' || source === 'file', {
    error: 'must be env:VARIABLE or file:/PATH',
  })

export const sealerKey = () =>
  z.string({ error: 'must be a public sealing key (ed25519:...)' }).transform((raw, check) => {
    const parsed = parseSealerPublicKey(raw)
    if (parsed.ok) return parsed.value
    check.addIssue({ code: 'custom', message: parsed.error.problem })
    return z.NEVER
  })

export const listOf = <T extends z.ZodType>(item: T, what: string) =>
  z.array(item, { error: `must be a list of ${what}` })

export const mapOf = <K extends z.ZodType<string, string>, V extends z.ZodType>(
  key: K,
  value: V,
  form: string,
) => z.record(key, value, { error: `must be ${form}` })

export const section = <T extends z.core.$ZodLooseShape>(shape: T) =>
  z.strictObject(shape, { error: 'must hold settings' })

function isPlainOrigin(raw: string): boolean {
  return raw.startsWith('https://') && URL.canParse(raw) && new URL(raw).origin === raw
}

/** Undefined for anything but `auto` and a number of processes that may make sense. */
export function parseWorkers(raw: string): number | 'auto' | undefined {
  if (raw === 'auto') return raw
  return /^[1-9]\d?$/.test(raw) && Number(raw) <= 64 ? Number(raw) : undefined
}

function parseCount(raw: string): number | undefined {
  const number = Number(raw)
  return /^[1-9]\d{0,6}$/.test(raw) && number <= 1_000_000 ? number : undefined
}

function parseTimeout(raw: string): number | undefined {
  const seconds = parseDuration(raw)
  return seconds !== undefined && seconds <= 86_400 ? seconds : undefined
}

function parsePlainProxy(raw: string): Address | undefined {
  const address = raw.startsWith('http://') ? parseAddress(raw.slice('http://'.length)) : undefined
  return address?.port === 0 ? undefined : address
}
