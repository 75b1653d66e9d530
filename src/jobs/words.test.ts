import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { anAlert, aNotice } from '../../test/support/alerts.ts'
import { formatNotice } from './notice.ts'
import { formatSlack, inert } from './slack.ts'
import { formatSyslog, frameSyslog } from './syslog-message.ts'

const NASTY =
  'curl/8 <!channel> @here *bold* `code` <https://evil.example|click> https://evil.example www.evil.example\n{"forged":1}\u001B[2J\u202E\u2028\u0000😀'

describe('an alert as JSON', () => {
  it('has the members that Standard Webhooks asks for', () => {
    const notice = aNotice()
    expect(JSON.parse(formatNotice(notice))).toEqual({
      type: 'alert.raised',
      timestamp: new Date(notice.at).toISOString(),
      data: { messageId: notice.id, environment: 'production', alert: notice.alert },
    })
    expect(JSON.parse(formatNotice(aNotice({ isTest: true })))).toMatchObject({
      type: 'alert.test',
    })
  })

  it('AU-04 is one line of ASCII, whatever an agent called itself, and nothing is lost', () => {
    fc.assert(
      fc.property(fc.oneof(fc.constant(NASTY), fc.string({ unit: 'binary' })), (reason) => {
        const text = formatNotice(aNotice({ alert: anAlert({ reason }) }))
        expect(text).toMatch(/^[\x20-\x7e]+$/)
        expect(JSON.parse(text)).toMatchObject({ data: { alert: { reason } } })
      }),
    )
  })
})

describe('an alert for Slack', () => {
  const message = formatSlack(aNotice({ alert: anAlert({ agent: '<!channel>', reason: NASTY }) }))

  it('AU-04 shows what agents had a say in as plain text only', () => {
    for (const { text } of message.blocks) {
      expect(text).toMatchObject({ type: 'plain_text', emoji: false })
      expect(text.text).not.toMatch(/[<>]/)
    }
    expect(message.blocks[1]?.text.text).toContain('&lt;!channel&gt; @here *bold*')
    expect(message).toMatchObject({ mrkdwn: false, parse: 'none', link_names: false })
  })

  it('AU-04 has a fallback text that mentions, links and formats nothing', () => {
    expect(message.text).not.toMatch(/<|>|@h|\*b|`c|:\/\/|www\.|\n|\u202E|\u2028/)
    expect(message.text).toContain('&lt;!channel&gt;')
  })

  it('stays inert and bounded, whatever stands in it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 4000 }), (text) => {
        expect(inert(text)).not.toMatch(/[<>]|@[a-z]|:\/\//)
        expect(inert(text).length).toBeLessThan(16_000)
      }),
    )
  })

  it('says which token, which request and what was done', () => {
    const actions = [{ action: 'suspend_token', target: 'tok_1', state: 'done', at: 1 }] as const
    const facts = formatSlack(aNotice({ alert: anAlert({ actions }) })).blocks[2]?.text.text
    expect(facts).toContain('suspend_token tok_1: done')
    expect(facts).toContain('request: req_')
    expect(formatSlack(aNotice({ isTest: true })).text).toMatch(/^Test alert/)
  })
})

describe('an alert for syslog', () => {
  const HEAD =
    /^<(?<priority>\d+)>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (?<host>[\x21-\x7e]{1,255}) apistronghold (?<pid>\d+) (?<id>[\x21-\x7e]{1,32}) - (?<message>.+)$/

  it.each([
    [0.95, 82],
    [0.7, 83],
    [0.2, 84],
  ])('with score %d is a message of RFC 5424 with priority %d', (score, priority) => {
    const notice = aNotice({ alert: anAlert({ score, reason: NASTY }) })
    const text = formatSyslog(notice, { hostname: 'proxy-1', pid: 4711 })
    const { groups } = HEAD.exec(text)!
    expect(groups).toMatchObject({ host: 'proxy-1', pid: '4711', id: 'refusal_burst' })
    expect(groups?.['priority']).toBe(String(priority))
    expect(JSON.parse(groups?.['message'] ?? '')).toMatchObject({ type: 'alert.raised' })
  })

  it('has a dash where the machine has no usable name, and is a notice when it is a test', () => {
    const text = formatSyslog(aNotice({ isTest: true }), { hostname: 'ä b', pid: 1 })
    expect(HEAD.exec(text)?.groups).toMatchObject({ host: 'b', priority: '85' })
    expect(formatSyslog(aNotice(), { hostname: 'ä', pid: 1 })).toContain('Z - apistronghold')
  })

  it('AU-04 is found again by its length, whatever stands in it', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' })), (reasons) => {
        const messages = reasons.map((reason) =>
          formatSyslog(aNotice({ alert: anAlert({ reason }) }), { hostname: 'h', pid: 1 }),
        )
        expect(unframe(Buffer.from(messages.map(frameSyslog).join('')))).toEqual(messages)
      }),
    )
  })
})

/** RFC 6587 3.4.1, read by its own words: MSG-LEN SP SYSLOG-MSG. */
function unframe(stream: Buffer): string[] {
  const messages: string[] = []
  for (let rest = stream; rest.length > 0;) {
    const space = rest.indexOf(' ')
    const length = Number(rest.subarray(0, space).toString())
    messages.push(rest.subarray(space + 1, space + 1 + length).toString())
    rest = rest.subarray(space + 1 + length)
  }
  return messages
}
