import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { loadCatalog } from '../catalog-files.ts'
import { createTemporaryDirectory } from '../../test/support/temporary.ts'
import type { Catalog, SignedOperationRequest } from './catalog.ts'
import type { ServiceDefinition } from './schema.ts'

async function load(files: Readonly<Record<string, string>> = {}): Promise<Catalog> {
  const directory = createTemporaryDirectory()
  try {
    mkdirSync(join(directory.path, 'services'))
    for (const [name, text] of Object.entries(files)) directory.write(`services/${name}`, text)
    return await loadCatalog({ configDirectory: directory.path, settings: new Map() })
  } finally {
    directory.remove()
  }
}

const catalog = await load()

const asked = (more: Partial<SignedOperationRequest>): SignedOperationRequest => ({
  method: 'GET',
  target: { path: '/', query: undefined, segments: [] },
  signing: { service: 's3', region: 'eu-west-1' },
  targets: [],
  actions: [],
  parameters: [],
  namedHost: undefined,
  ...more,
})

/** `GET /bucket/key?acl` as the rule and host that it comes to. */
function match(line: string, from: Catalog = catalog, service = 'aws') {
  const [method = '', target = ''] = line.split(' ')
  const [path = '', query] = target.split('?')
  const segments = path === '/' ? [] : path.slice(1).split('/').map(decodeURIComponent)
  const found = from.services.get(service)
  if (!found) throw new Error(`there is no service ${service}`)
  const operation = from.matchSigned(found, asked({ method, target: { path, query, segments } }))
  return operation.ok ? operation.value.rule : operation.error.reason
}

describe('S3, by method, path and query', () => {
  it.each([
    ['GET /', 's3:ListBuckets'],
    ['GET /b', 's3:ListObjects'],
    ['GET /b/', 's3:ListObjects'],
    ['GET /b?list-type=2&prefix=a', 's3:ListObjectsV2'],
    ['GET /b?acl', 's3:GetBucketAcl'],
    ['GET /b/?acl=', 's3:GetBucketAcl'],
    ['GET /b/k', 's3:GetObject'],
    ['GET /b/folder/', 's3:GetObject'],
    ['GET /b/a/b/c?versionId=1', 's3:GetObject'],
    ['GET /b/k?acl&versionId=1', 's3:GetObjectAcl'],
    ['GET /b/k?uploadId=u', 's3:ListParts'],
    ['HEAD /b', 's3:HeadBucket'],
    ['HEAD /b/k', 's3:HeadObject'],
    ['PUT /b', 's3:CreateBucket'],
    ['PUT /b/k?partNumber=1&uploadId=u&x-id=UploadPart', 's3:UploadPart'],
    ['PUT /b?policy', 's3:PutBucketPolicy'],
    ['POST /b?delete', 's3:DeleteObjects'],
    ['POST /b/k?uploads', 's3:CreateMultipartUpload'],
    ['DELETE /b/k?tagging', 's3:DeleteObjectTagging'],
    ['DELETE /b/k?versionId=1', 's3:DeleteObject'],
    ['DELETE /b', 's3:DeleteBucket'],
  ])('%s is %s', (line, rule) => {
    expect(match(line)).toBe(rule)
  })

  it.each([
    'GET /b?acl&policy',
    'GET /b?%61cl&policy',
    'GET /b?unheard-of',
    'GET /b/k?unheard-of=1',
    'GET /b?list-type=3',
    'GET /b?list-type=2&list-type=1',
    'PUT /b/k?partNumber=1&acl',
    'POST /b/k',
    'POST /b',
    'PUT /',
    'DELETE /',
    'GET /b/k?acl=%',
    'GET /b%2Fk',
    'PATCH /b/k',
  ])('%s is unknown', (line) => {
    expect(match(line)).toBe('operation_unknown')
  })
})

function apisOf(id: string, from: Catalog) {
  const service = from.services.get(id)
  if (!service) throw new Error(`there is no service ${id}`)
  const { apis = {} } = service.definition as ServiceDefinition
  return { service, apis }
}

interface More {
  readonly from?: Catalog
  readonly id?: string
  readonly parameters?: readonly string[]
}

/** The scopes of an operation that Action, or else a target, names; a refusal's reason. */
function scopesOf(key: string, more: More = {}) {
  const { from, id, parameters } = { from: catalog, id: 'aws', parameters: [], ...more }
  const { service, apis } = apisOf(id, from)
  const [name = '', operation = ''] = key.split(':')
  const { target = '', actions } = apis[name] ?? {}
  const naming = actions ? { actions: [operation] } : { targets: [`${target}.${operation}`] }
  const signing = { service: name, region: 'eu-west-1' }
  const found = from.matchSigned(service, asked({ method: 'POST', signing, parameters, ...naming }))
  return found.ok ? found.value.baseScopes.join() : found.error.reason
}

describe('an operation that target or Action names', () => {
  it.each([
    ['sts:AssumeRole', 'aws:secrets'],
    ['sts:DecodeAuthorizationMessage', 'aws:admin'],
    ['sts:GetCallerIdentity', 'aws:read'],
    ['ssm:GetParameter', 'aws:secrets'],
    ['dynamodb:GetItem', 'aws:read'],
  ])('SC-01 %s needs %s', (key, scope) => {
    expect(scopesOf(key)).toBe(scope)
  })

  it.each([
    ['sts:AnythingNew', 'sts:AssumeRole'],
    ['athena:GetTemporaryCredentials', 'athena:GetQueryExecution'],
    ['rds:GetMasterPassword', 'rds:DescribeDBInstances'],
    ['ec2:GetPassworddata', 'ec2:GetPasswordData'],
    ['ssm:Getparameter', 'ssm:GetParameter'],
    ['s3:GetObject', 's3:GetObject'],
  ])('SC-01 SC-05 %s is unknown, whatever the globs say of %s', (key) => {
    expect(scopesOf(key)).toBe('operation_unknown')
  })

  it('SC-01 is known under its API only', () => {
    const { service } = apisOf('aws', catalog)
    const signing = { service: 'dynamodb', region: 'eu-west-1' }
    const known = (target: string) =>
      catalog.matchSigned(service, asked({ method: 'POST', signing, targets: [target] })).ok
    expect(known('DynamoDBStreams_20120810.GetRecords')).toBe(true)
    expect(known('DynamoDB_20120810.GetRecords')).toBe(false)
  })

  it('SC-01 can be added by a rule that spells it out', async () => {
    const text = [
      ...['schema: 1', 'id: aws-new', 'extends: aws', 'name: AWS and news', 'operation_rules:'],
      '  - {scope: write, ops: ["athena:BrandNew", "athena:GetOld*"]}',
    ].join('\n')
    const more = await load({ 'new.yaml': text })
    expect(scopesOf('athena:BrandNew', { from: more, id: 'aws-new' })).toBe('aws-new:write')
    expect(scopesOf('athena:GetOldest', { from: more, id: 'aws-new' })).toBe('operation_unknown')
    expect(scopesOf('athena:BrandNew', { from: more })).toBe('operation_unknown')
  })

  it('SC-01 gives nothing away by a name that speaks of secrets, unless a rule spells it out', () => {
    const { service, apis } = apisOf('aws', catalog)
    const { operation_rules: rules = [] } = service.definition as ServiceDefinition
    const spelled = new Set(rules.flatMap(({ ops }) => ops))
    const keys = Object.entries(apis).flatMap(([id, { operations = '' }]) =>
      operations.split(' ').map((name) => `${id}:${name}`),
    )
    const telling =
      /:(?!Delete|List).*(?:Password|Credential|Presigned|AuthToken|SessionToken|Secret|SessionEndpoint|ApiKey|SshKey|PrivateKey|AuthorizationToken)/i
    const lesser = keys.filter(
      (key) => telling.test(key) && !spelled.has(key) && !/secrets|admin/.test(scopesOf(key)),
    )
    expect(keys.length).toBeGreaterThan(2800)
    expect(lesser).toEqual(['iam:GetAccountPasswordPolicy'])
  })

  it.each([
    ['ec2:RunInstances', 'ImageId', 'aws:write'],
    ['ec2:RunInstances', 'IamInstanceProfile.Name', 'aws:write,aws:admin'],
    ['ec2:RunInstances', 'iaminstanceprofile.arn', 'aws:write,aws:admin'],
    ['ec2:RunInstances', 'MyIamInstanceProfile', 'aws:write'],
    ['ec2:RequestSpotInstances', 'LaunchSpecification.IamInstanceProfile', 'aws:write,aws:admin'],
    ['ec2:ModifyInstanceAttribute', 'GroupId.1', 'aws:write,aws:admin'],
    ['rds:ModifyDBInstance', 'MasterUserPassword', 'aws:write,aws:admin'],
    ['rds:ModifyDBInstance', 'AllocatedStorage', 'aws:write'],
    ['rds:CreateDBInstance', 'PubliclyAccessible', 'aws:write,aws:admin'],
    ['rds:CreateDBInstance', 'MasterUserPassword', 'aws:write'],
  ])('SC-10 %s with %s needs %s', (key, parameter, scopes) => {
    expect(scopesOf(key, { parameters: [parameter] })).toBe(scopes)
  })
})

describe('a region', () => {
  it.each([
    ['eu-west-1', 's3.eu-west-1.amazonaws.com'],
    ['us-gov-west-1', 's3.us-gov-west-1.amazonaws.com'],
    ['cn-north-1', 's3.cn-north-1.amazonaws.com.cn'],
  ])('%s is a part of the host: %s', (region, host) => {
    const aws = catalog.services.get('aws')
    if (!aws) throw new Error('there is no service aws')
    const found = catalog.matchSigned(aws, asked({ signing: { service: 's3', region } }))
    expect(found).toMatchObject({ ok: true, value: { host, signing: { service: 's3', region } } })
  })

  it.each(['s3', 'eu', 'us-east-1-x', 'a.b', '', 'eu-west-'])('is not "%s"', (region) => {
    const aws = catalog.services.get('aws')
    if (!aws) throw new Error('there is no service aws')
    expect(catalog.matchSigned(aws, asked({ signing: { service: 's3', region } })).ok).toBe(false)
  })
})

describe('a service file', () => {
  it('adds APIs and rules to those of the service that it extends', async () => {
    const text = [
      ...['schema: 1', 'id: aws-more', 'extends: aws', 'name: AWS and more', 'apis:'],
      '  chime: {host: "chime.{region}.amazonaws.com", rest: ["GET /accounts ListAccounts"]}',
      ...['operation_rules:', '  - {scope: admin, ops: ["chime:*"]}'],
    ].join('\n')
    const more = await load({ 'more.yaml': text })
    const service = more.services.get('aws-more')
    if (!service) throw new Error('there is no service aws-more')
    const target = { path: '/accounts', query: undefined, segments: ['accounts'] }
    const signing = { service: 'chime', region: 'eu-west-1' }
    expect(more.matchSigned(service, asked({ target, signing }))).toMatchObject({
      value: { rule: 'chime:ListAccounts', baseScopes: ['aws-more:admin'] },
    })
    expect(match('GET /b/k', more, 'aws-more')).toBe('s3:GetObject')
  })

  it.each([
    ['a host of others', 'apis: {x: {host: "x.evil.example"}}', /no host of this service/],
    [
      'a line that says nothing',
      'apis: {x: {host: x.amazonaws.com, rest: ["/a"]}}',
      /must be METHOD/,
    ],
    [
      'a name that is none',
      'apis: {x: {host: x.amazonaws.com, actions: true, operations: "A B-C"}}',
      /apis\.x\.operations: has "B-C"/,
    ],
    [
      'a secret in no field',
      'response_secrets: [{ops: ["lambda:*"], fields: ["a..b"]}]',
      /has a field "a\.\.b"/,
    ],
    [
      'a rule for no scope',
      'operation_rules: [{scope: nothing, ops: ["x:*"]}]',
      /no scope "nothing"/,
    ],
  ])('is refused with %s', async (_, line, words) => {
    const text = ['schema: 1', 'id: odd', 'extends: aws', 'name: Odd', line].join('\n')
    await expect(load({ 'odd.yaml': text })).rejects.toThrow(words)
  })
})
