/** `s3://bucket/prefix?region=...&endpoint=...`: a bucket of AWS, or of a store that takes its requests. */

import { err, ok, type Result } from '../base/result.ts'
import { parseWebhookUrl, type WebhookUrl } from '../secret/webhook-url.ts'

export interface S3Target {
  readonly kind: 's3'
  readonly bucket: string
  readonly region: string
  /** Where the objects are put below: its path ends with a slash. */
  readonly url: WebhookUrl
}

const FORM = /^\/\/(?<bucket>[^/?]+)(?<prefix>\/[^?]*)?(?:\?(?<query>.*))?$/
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/
/** Nothing that would have to be encoded, in a path or in what is signed of it. */
const PREFIX = /^\/(?:\w[\w.-]*\/)*$/
const REGION = /^[a-z0-9-]{2,32}$/

/** Takes what stands behind `s3:`. The problem never quotes it. */
export function parseS3Target(rest: string): Result<S3Target, string> {
  const { bucket = '', prefix = '/', query = '' } = FORM.exec(rest)?.groups ?? {}
  const path = prefix.replace(/\/?$/, '/')
  if (!BUCKET.test(bucket)) return err('has no name of a bucket behind s3://')
  if (!PREFIX.test(path)) return err('has a prefix with other than letters, digits and . _ - /')
  const options = parseOptions(query)
  if (!options.ok) return options
  const { region, endpoint } = options.value
  const url = urlOf({ bucket, region, path }, endpoint)
  return url ? ok({ kind: 's3', bucket, region, url }) : err('has an endpoint that is no plain URL')
}

interface Options {
  readonly region: string
  readonly endpoint?: string
}

function parseOptions(query: string): Result<Options, string> {
  const words = [...new URLSearchParams(query)]
  const { region = '', endpoint, ...others } = Object.fromEntries(words)
  const count = [region, endpoint ?? ''].filter((value) => value !== '').length
  if (words.length > count || Object.keys(others).length > 0)
    return err('takes region= and endpoint= behind its question mark, each once')
  if (!REGION.test(region)) return err('says no region, as s3://bucket/prefix?region=eu-central-1')
  return ok({ region, ...(endpoint !== undefined && { endpoint }) })
}

interface Named {
  readonly bucket: string
  readonly region: string
  readonly path: string
}

/** A certificate for all buckets of AWS covers no name with a dot in it. */
function urlOf(
  { bucket, region, path }: Named,
  endpoint: string | undefined,
): WebhookUrl | undefined {
  const host = `s3.${region}.amazonaws.com`
  if (endpoint === undefined && !bucket.includes('.'))
    return parseWebhookUrl(`https://${bucket}.${host}${path}`)
  const url = parseWebhookUrl(endpoint ?? `https://${host}`)
  return url?.path === '/' ? { ...url, path: `/${bucket}${path}` } : undefined
}
