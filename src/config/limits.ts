/** The limits of the data plane, as settings and as numbers. */

import type { z } from 'zod'
import { count, duration, section, size, timeout } from './forms.ts'
import { setting, type SettingNote } from './setting.ts'
import { presetBytes, presetSeconds } from './units.ts'

/** Defaults as a file would spell them. */
const PRESETS = {
  buffered_bodies: '256MiB',
  stop_grace: '10s',
  head_size: '32KiB',
  head_fields: '100',
  url_length: '8KiB',
  request_body: '5GiB',
  connections: '10000',
  connections_per_source: '1000',
  head_timeout: '10s',
  body_idle_timeout: '30s',
  first_byte_timeout: '10m',
  answer_idle_timeout: '5m',
  total_timeout: '30m',
  send_idle_timeout: '30s',
  idle_connection: '75s',
  drain_time: '1s',
  connect_timeout: '5s',
  upstream_connections: '256',
  upstream_queue: '1024',
  upstream_queue_timeout: '10s',
  upstream_idle: '4s',
  upstream_max_age: '10m',
  circuit_failures: '10',
  circuit_open: '30s',
} as const

type Name = keyof typeof PRESETS

const limit = <T extends z.ZodType>(name: Name, form: T, note: Omit<SettingNote, 'preset'>) =>
  setting(form, { ...note, preset: PRESETS[name] })
const limitedSize = (name: Name, meaning: string) => limit(name, size(), { form: 'size', meaning })
const limitedTime = (name: Name, meaning: string) =>
  limit(name, timeout(), { form: 'duration', meaning })
const limitedCount = (name: Name, meaning: string) =>
  limit(name, count(), { form: 'number', meaning })

export const limitsSection = section({
  buffered_bodies: limitedSize(
    'buffered_bodies',
    'memory for all bodies that conditions read at the same time',
  ),
  stop_grace: limit('stop_grace', duration(), {
    form: 'duration',
    meaning: 'how long requests in flight may go on after SIGTERM before they are cut',
  }),
  head_size: limitedSize('head_size', 'request line and fields of a request together; above: 431'),
  head_fields: limitedCount('head_fields', 'fields of a request; above: 431'),
  url_length: limitedSize('url_length', "a request's target; above: 414"),
  request_body: limitedSize('request_body', 'body of a request; above: 413'),
  connections: limitedCount('connections', 'open connections of agents, over all listeners'),
  connections_per_source: limitedCount(
    'connections_per_source',
    'open connections of one address; `trusted_proxies` are not counted',
  ),
  head_timeout: limitedTime(
    'head_timeout',
    'from the first byte of a request to the end of its head; then 408. TLS handshakes have as long',
  ),
  body_idle_timeout: limitedTime('body_idle_timeout', 'silence inside the body of a request'),
  first_byte_timeout: limitedTime(
    'first_byte_timeout',
    "from the end of a request to the head of the upstream's answer; then 504",
  ),
  answer_idle_timeout: limitedTime(
    'answer_idle_timeout',
    'silence of an upstream inside its answer, event streams included',
  ),
  total_timeout: limitedTime(
    'total_timeout',
    'how long the whole body of a request may take, however lively it is; answers may take longer',
  ),
  send_idle_timeout: limitedTime(
    'send_idle_timeout',
    'how long an agent may leave an answer unread',
  ),
  idle_connection: limitedTime('idle_connection', 'how long a connection is kept between requests'),
  drain_time: limitedTime(
    'drain_time',
    'how long the rest of a refused body is read, so that the agent sees the refusal',
  ),
  connect_timeout: limitedTime(
    'connect_timeout',
    'name, connection and TLS to an upstream together',
  ),
  upstream_connections: limitedCount(
    'upstream_connections',
    'connections for each service, credential and origin',
  ),
  upstream_queue: limitedCount('upstream_queue', 'requests that wait for one of these; above: 503'),
  upstream_queue_timeout: limitedTime('upstream_queue_timeout', 'how long they wait; then 503'),
  upstream_idle: limitedTime(
    'upstream_idle',
    'how long an unused connection is kept, where the upstream promises no longer',
  ),
  upstream_max_age: limitedTime(
    'upstream_max_age',
    'how long a connection is used for new requests, so that changed addresses are followed',
  ),
  circuit_failures: limitedCount(
    'circuit_failures',
    'failures in a row after which an upstream is left alone for a while (503)',
  ),
  circuit_open: limitedTime(
    'circuit_open',
    'the longest while; it begins with a second and doubles with each trial that fails',
  ),
})

/** Sizes in bytes; times in milliseconds where they say so. */
export type LimitSettings = Readonly<
  Record<
    | 'bufferedBodiesBytes'
    | 'stopGraceSeconds'
    | 'headBytes'
    | 'headFields'
    | 'urlBytes'
    | 'requestBodyBytes'
    | 'connections'
    | 'connectionsPerSource'
    | 'headTimeoutMs'
    | 'bodyIdleTimeoutMs'
    | 'firstByteTimeoutMs'
    | 'answerIdleTimeoutMs'
    | 'totalTimeoutMs'
    | 'sendIdleTimeoutMs'
    | 'idleConnectionMs'
    | 'drainMs'
    | 'connectTimeoutMs'
    | 'upstreamConnections'
    | 'upstreamQueue'
    | 'upstreamQueueTimeoutMs'
    | 'upstreamIdleMs'
    | 'upstreamMaxAgeMs'
    | 'circuitFailures'
    | 'circuitOpenMs',
    number
  >
>

type LimitsSection = z.output<typeof limitsSection>

export function limitSettings(section: LimitsSection = {}): LimitSettings {
  const bytes = (name: Name) => section[name] ?? presetBytes(PRESETS[name])
  const ms = (name: Name) => (section[name] ?? presetSeconds(PRESETS[name])) * 1000
  const many = (name: Name) => section[name] ?? Number(PRESETS[name])
  return {
    bufferedBodiesBytes: bytes('buffered_bodies'),
    stopGraceSeconds: section.stop_grace ?? presetSeconds(PRESETS.stop_grace),
    headBytes: bytes('head_size'),
    headFields: many('head_fields'),
    urlBytes: bytes('url_length'),
    requestBodyBytes: bytes('request_body'),
    connections: many('connections'),
    connectionsPerSource: many('connections_per_source'),
    headTimeoutMs: ms('head_timeout'),
    bodyIdleTimeoutMs: ms('body_idle_timeout'),
    firstByteTimeoutMs: ms('first_byte_timeout'),
    answerIdleTimeoutMs: ms('answer_idle_timeout'),
    totalTimeoutMs: ms('total_timeout'),
    sendIdleTimeoutMs: ms('send_idle_timeout'),
    idleConnectionMs: ms('idle_connection'),
    drainMs: ms('drain_time'),
    connectTimeoutMs: ms('connect_timeout'),
    upstreamConnections: many('upstream_connections'),
    upstreamQueue: many('upstream_queue'),
    upstreamQueueTimeoutMs: ms('upstream_queue_timeout'),
    upstreamIdleMs: ms('upstream_idle'),
    upstreamMaxAgeMs: ms('upstream_max_age'),
    circuitFailures: many('circuit_failures'),
    circuitOpenMs: ms('circuit_open'),
  }
}
