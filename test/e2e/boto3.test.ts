import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startPlane, type TestPlane } from '../support/data-plane.ts'
import { createFakeAws, REAL_PAIR } from '../support/fake-aws.ts'
import { skipUnless } from '../support/skip.ts'

/** What the clients that have no SDK of their own in npm use, and the most of AWS's users. */
const PROGRAM = `
import boto3, json, io
from botocore.config import Config
path = Config(s3={'addressing_style': 'path'}, retries={'max_attempts': 1})
s3 = boto3.client('s3', config=path)
s3.put_object(Bucket='reports', Key='a b+c/\\u00e4.txt', Body=b'from boto3')
s3.upload_fileobj(io.BytesIO(b'x' * 70000), 'reports', 'streamed')
body = s3.get_object(Bucket='reports', Key='a b+c/\\u00e4.txt')['Body'].read().decode()
who = boto3.client('sts', config=path).get_caller_identity()['Account']
item = boto3.client('dynamodb', config=path).get_item(TableName='t', Key={'id': {'S': '7'}})['Item']
try:
    boto3.client('iam', config=path).create_user(UserName='eve')
    refused = 'no'
except Exception as error:
    refused = str(error)
print(json.dumps({'body': body, 'who': who, 'item': item, 'refused': refused}))
`

const isBotoThere = spawnSync('python3', ['-c', 'import boto3']).status === 0

describe.skipIf(skipUnless(isBotoThere, 'there is no Python with boto3 here'))('boto3', () => {
  let plane: TestPlane
  const aws = createFakeAws(() => new URL(plane.upstream.origin).host)

  beforeAll(async () => {
    plane = await startPlane({ services: ['aws'], upstream: { respond: aws.respond } })
    plane.credentials.set('aws', REAL_PAIR)
  })

  afterAll(async () => {
    await plane.stop()
  })

  it('works with a phantom key pair and two variables, and hears why it is refused', async () => {
    const pair = plane.keyPair(plane.issue({ scope: 'aws:read,aws:write' }))
    const { stdout } = await promisify(execFile)('python3', ['-c', PROGRAM], {
      env: {
        PATH: process.env['PATH'] ?? '',
        AWS_ACCESS_KEY_ID: pair.accessKeyId,
        AWS_SECRET_ACCESS_KEY: pair.secretAccessKey,
        AWS_ENDPOINT_URL: `${plane.url}/aws`,
        AWS_DEFAULT_REGION: 'eu-west-1',
        AWS_EC2_METADATA_DISABLED: 'true',
      },
    })
    expect(JSON.parse(stdout)).toMatchObject({
      body: 'from boto3',
      who: '123456789012',
      item: { id: { S: '7' } },
      refused: expect.stringMatching(/needs aws:admin/) as string,
    })
    expect(aws.verified.map((summary) => summary.split(' ')[0])).toEqual([
      ...['s3', 's3', 's3', 'sts', 'dynamodb'],
    ])
  })
})
