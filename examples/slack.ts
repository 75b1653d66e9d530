/**
 * Slack. `allowAbsoluteUrls` is off, so that no answer can send the token elsewhere.
 * Scope: slack:write
 */

import { WebClient } from '@slack/web-api'

const slack = new WebClient(process.env['PHANTOM_TOKEN'], {
  slackApiUrl: `${process.env['PROXY_URL'] ?? 'http://localhost:8900'}/slack/api/`,
  allowAbsoluteUrls: false,
})

const posted = await slack.chat.postMessage({
  channel: process.env['CHANNEL'] ?? 'C1',
  text: 'The order has shipped.',
})
console.log(posted.ts)
