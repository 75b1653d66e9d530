/**
 * A target that understands Slack's incoming webhooks. What agents had a say in stands in
 * `plain_text`, which nothing in it can leave; the fallback text, which other servers show as
 * Markdown, has everything taken out of it that could mention, link or format.
 */

import { err } from '../base/result.ts'
import type { Alert } from '../insight/alert.ts'
import type { AlertNotice, AlertTarget } from '../insight/alert-target.ts'
import { readWebhookUrl } from '../secret/webhook-url.ts'
import { secretOf, type PostedTarget } from './webhook.ts'

const ZERO_WIDTH_SPACE = '\u200b'
const MAX_TEXT_LENGTH = 1500

/** The URL is the secret. */
export function createSlack(target: PostedTarget): AlertTarget {
  const { name, wants, ca, allowPrivateAddress, readSecret, post } = target
  return {
    name,
    wants,
    async deliver(notice, signal) {
      const secret = await secretOf(readSecret)
      if (typeof secret === 'string') return err({ problem: secret })
      const url = readWebhookUrl(secret)
      if (!url.ok) return err({ problem: `its secret cannot be used: ${url.error.problem}` })
      const body = JSON.stringify(formatSlack(notice))
      return await post({ url: url.value, headers: {}, body, ca, allowPrivateAddress }, signal)
    },
  }
}

export function formatSlack({ alert, environment, isTest }: AlertNotice) {
  const title = isTest ? 'Test alert' : `Alert: ${alert.rule}`
  const who = alert.agent === undefined ? '' : ` by ${alert.agent}`
  const lines = factsOf(alert, environment)
  return {
    text: inert(`${title}${who} in ${environment}: ${alert.reason}`),
    mrkdwn: false,
    parse: 'none',
    link_names: false,
    unfurl_links: false,
    unfurl_media: false,
    blocks: [
      { type: 'header', text: plainText(`${title}${who}`, 150) },
      { type: 'section', text: plainText(alert.reason) },
      { type: 'section', text: plainText(lines.join('\n')) },
    ],
  }
}

function factsOf(alert: Alert, environment: string): string[] {
  const { id, score, tokenId, requestId, actions } = alert
  return [
    `environment: ${environment}`,
    `alert: ${id}, score ${score.toFixed(2)}`,
    ...(tokenId === undefined ? [] : [`token: ${tokenId}`]),
    ...(requestId === undefined ? [] : [`request: ${requestId}`]),
    ...actions.map(({ action, target, state }) => `${action} ${target}: ${state}`),
  ]
}

function plainText(text: string, limit = MAX_TEXT_LENGTH) {
  return { type: 'plain_text', text: escapeSlack(printable(text).slice(0, limit)), emoji: false }
}

/** On lines of their own, without controls, direction marks and the like. */
function printable(text: string): string {
  return text.replace(/[^\P{C}\n]|\p{Zl}|\p{Zp}/gu, ' ')
}

/** https://docs.slack.dev/messaging/formatting-message-text: these three, and no others. */
function escapeSlack(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

/** Text that is no mention, no link and no markup to any reader of Markdown or Slack's dialect. */
export function inert(text: string): string {
  const broken = printable(text.slice(0, MAX_TEXT_LENGTH))
    .replace(/[@#`*~|[\]]/g, (sign) => `${sign}${ZERO_WIDTH_SPACE}`)
    .replaceAll('\n', ' ')
    .replace(/(?<=:)\/\/|(?<=www)\./gi, (sign) => `${ZERO_WIDTH_SPACE}${sign}`)
  return escapeSlack(broken)
}
