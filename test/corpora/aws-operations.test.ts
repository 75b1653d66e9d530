import { describe, expect, it } from 'vitest'
import { loadCatalog } from '../../src/catalog-files.ts'
import { parseTarget } from '../../src/catalog/target.ts'
import { readCorpus, type Row } from '../support/corpora.ts'
import { reviewed, STRICTER_SCOPES } from './aws-stricter.ts'

const corpus = readCorpus('operations/aws') ?? []
const rows = corpus.map(reviewed)
const catalog = await loadCatalog({ configDirectory: import.meta.dirname, settings: new Map() })
const aws = catalog.services.get('aws')

/** From CATALOGUE.md part 6. */
const COUNTS = {
  ...{ read: 1311, write: 954, admin: 540, delete: 362, secrets: 92, billing: 56 },
  ...{ invoke: 22, send: 14, inference: 9 },
}

/** As a client would send it; `S3:CopyObject` and the like are told by a header, or are old names. */
function requestOf(row: Row) {
  const path = String(row['path_template'])
    .replace(/\{[^}]*\+\}/g, 'folder/name')
    .replace(/\{[^}]*\}/g, 'name')
  const more = FIELDS[String(row['operation'])]
  const query = more === undefined ? '' : `${path.includes('?') ? '&' : '?'}${more}`
  const target = parseTarget(path + query, { allowEncodedSlash: true })
  if (!target.ok) throw new Error(`${path}: ${target.error.problem}`)
  const [service = ''] = String(row['operation']).split(':')
  const action = /^Action=([^&]+)/.exec((row['form'] as string | undefined) ?? '')?.[1]
  const xTarget = row['x_amz_target']
  return {
    method: String(row['method']),
    target: target.value,
    signing: { service, region: 'eu-west-1' },
    targets: xTarget === undefined ? [] : [xTarget as string],
    actions: action === undefined ? [] : [action],
    parameters: [],
    namedHost: undefined,
  }
}

/** What the models have in their parameters, and not in their paths. */
const FIELDS: Readonly<Record<string, string>> = {
  's3:AbortMultipartUpload': 'uploadId=u',
  's3:CompleteMultipartUpload': 'uploadId=u',
  's3:ListParts': 'uploadId=u',
  's3:UploadPart': 'partNumber=1&uploadId=u',
  's3:UploadPartCopy': 'partNumber=1&uploadId=u',
  's3:GetBucketAnalyticsConfiguration': 'id=x',
  's3:GetBucketIntelligentTieringConfiguration': 'id=x',
  's3:GetBucketInventoryConfiguration': 'id=x',
  's3:GetBucketMetricsConfiguration': 'id=x',
}

/** Another name for the same request, or one that is told by a header. */
const SAME: Readonly<Record<string, string>> = {
  's3:CopyObject': 's3:PutObject',
  's3:UploadPartCopy': 's3:UploadPart',
  's3:GetBucketLifecycle': 's3:GetBucketLifecycleConfiguration',
  's3:PutBucketLifecycle': 's3:PutBucketLifecycleConfiguration',
  's3:GetBucketNotification': 's3:GetBucketNotificationConfiguration',
  's3:PutBucketNotification': 's3:PutBucketNotificationConfiguration',
  's3:ListDirectoryBuckets': 's3:ListBuckets',
}

/** Answered by a host of its own, for Lambda functions that S3 calls. */
const ABSENT = new Set(['s3:WriteGetObjectResponse'])

describe.skipIf(rows.length === 0)("SC-01 the operations of AWS's models", () => {
  if (!aws) throw new Error('there is no service aws')

  it('are 3,360, and each needs the scope that it must', () => {
    const wrong: string[] = []
    const counts: Record<string, number> = {}
    for (const row of rows) {
      const operation = String(row['operation'])
      if (ABSENT.has(operation)) continue
      const found = catalog.matchSigned(aws, requestOf(row))
      const rule = found.ok ? found.value.rule : found.error.reason
      const scopes = found.ok ? found.value.baseScopes.join() : ''
      if (rule !== (SAME[operation] ?? operation)) wrong.push(`${operation} is taken for ${rule}`)
      const expected = String(row['expected_scope'])
      if (scopes !== expected) wrong.push(`${operation} needs ${scopes}, not ${expected}`)
    }
    for (const row of corpus) {
      const scope = String(row['expected_scope']).slice('aws:'.length)
      counts[scope] = (counts[scope] ?? 0) + 1
    }
    expect(wrong).toEqual([])
    expect(counts).toEqual(COUNTS)
    expect(rows).toHaveLength(3360)
  })

  it('differ from the corpus where somebody said so, and nowhere else', () => {
    const scopes = new Map(corpus.map((row) => [row['operation'], row['expected_scope']]))
    const same = [...STRICTER_SCOPES].filter(([key, scope]) => (scopes.get(key) ?? scope) === scope)
    expect(same).toEqual([])
  })

  it('go to a host of theirs, of the region that was signed for', () => {
    for (const row of rows) {
      const found = catalog.matchSigned(aws, requestOf(row))
      if (!found.ok) continue
      expect(found.value.host).toMatch(/\.(?:amazonaws\.com|api\.aws)$/)
      expect(found.value.host).not.toContain('{')
    }
  })

  it('are unknown under any other signing name, and by any other way of naming them', () => {
    for (const row of rows) {
      const request = requestOf(row)
      const { method, targets, actions, target } = request
      const known = (change: object) => catalog.matchSigned(aws, { ...request, ...change }).ok
      expect(known({ signing: { service: 'nothing', region: 'eu-west-1' } })).toBe(false)
      expect(known({ method: 'TRACE' })).toBe(false)
      expect(known({ namedHost: 'evil.amazonaws.com' })).toBe(false)
      if (targets.length + actions.length === 0) continue
      expect(known({ targets: [...targets, ...targets, 'a.B'] })).toBe(false)
      expect(known({ actions: [...actions, 'GetUser', 'GetUser'] }), 'SC-13').toBe(false)
      const elsewhere = { ...target, path: '/other', segments: ['other'] }
      expect(known({ target: elsewhere }), `${method} ${String(row['operation'])}`).toBe(false)
    }
  })
})
