/** The five official SDKs, each with one call that its token allows and one that it does not. */

import Anthropic from '@anthropic-ai/sdk'
import { Octokit } from '@octokit/rest'
import { WebClient } from '@slack/web-api'
import OpenAI from 'openai'
import Stripe from 'stripe'
import { makeKey } from './canary.ts'
import { respondAsAnthropic } from './fake-anthropic.ts'
import { respondAsGithub } from './fake-github.ts'
import { respondAsOpenai } from './fake-openai.ts'
import { respondAsSlack } from './fake-slack.ts'
import { respondAsStripe } from './fake-stripe.ts'
import type { Respond } from './upstream.ts'

export interface SdkCase {
  readonly id: string
  readonly key: string
  readonly respond: Respond
  /** Enough for `allowed`, not for `forbidden`. */
  readonly scopes: string
  /** What `forbidden` needs. */
  readonly missing: string
  allowed(url: string, token: string): Promise<unknown>
  forbidden(url: string, token: string): Promise<unknown>
}

// Retries are off where the SDK has a switch: these tests ask what an SDK makes of one answer.

const stripeKey = makeKey('sk_live_')
const stripeAt = (url: string, token: string) =>
  new Stripe(token, {
    host: '127.0.0.1',
    port: new URL(url).port,
    protocol: 'http',
    maxNetworkRetries: 0,
  })

const stripe: SdkCase = {
  id: 'stripe',
  key: stripeKey,
  respond: respondAsStripe(stripeKey),
  scopes: 'stripe:read,stripe:write',
  missing: 'stripe:refund',
  allowed: (url, token) => stripeAt(url, token).customers.list(),
  forbidden: (url, token) => stripeAt(url, token).refunds.create({ charge: 'ch_fake1' }),
}

const openaiKey = makeKey('sk-proj-')
const openaiAt = (url: string, apiKey: string) =>
  new OpenAI({ apiKey, baseURL: `${url}/openai/v1`, maxRetries: 0 })

const openai: SdkCase = {
  id: 'openai',
  key: openaiKey,
  respond: respondAsOpenai(openaiKey),
  scopes: 'openai:read',
  missing: 'openai:inference',
  allowed: (url, token) => openaiAt(url, token).models.list(),
  forbidden: (url, token) =>
    openaiAt(url, token).chat.completions.create({
      model: 'gpt-fake',
      messages: [{ role: 'user', content: 'Hi' }],
    }),
}

const anthropicKey = makeKey('sk-ant-api03-')
const anthropicAt = (url: string, apiKey: string) =>
  new Anthropic({ apiKey, baseURL: `${url}/anthropic`, maxRetries: 0 })

const anthropic: SdkCase = {
  id: 'anthropic',
  key: anthropicKey,
  respond: respondAsAnthropic(anthropicKey),
  scopes: 'anthropic:inference',
  missing: 'anthropic:read',
  allowed: (url, token) =>
    anthropicAt(url, token).messages.create({
      model: 'claude-fake',
      max_tokens: 16,
      messages: [{ role: 'user', content: 'Hi' }],
    }),
  forbidden: (url, token) => anthropicAt(url, token).models.list(),
}

const githubKey = makeKey('ghp_')
const nothing = () => undefined
const SILENT = { debug: nothing, info: nothing, warn: nothing, error: nothing }
const octokitAt = (url: string, auth: string) =>
  new Octokit({ auth, baseUrl: `${url}/github`, log: SILENT })

const octokit: SdkCase = {
  id: 'github',
  key: githubKey,
  respond: respondAsGithub(githubKey),
  scopes: 'github:read',
  missing: 'github:delete',
  allowed: (url, token) =>
    octokitAt(url, token).rest.issues.listForRepo({ owner: 'acme', repo: 'shop' }),
  forbidden: (url, token) =>
    octokitAt(url, token).rest.repos.delete({ owner: 'acme', repo: 'shop' }),
}

const slackKey = makeKey('xoxb-')
const slackAt = (url: string, token: string) =>
  new WebClient(token, { slackApiUrl: `${url}/slack/api/`, allowAbsoluteUrls: false })

const slack: SdkCase = {
  id: 'slack',
  key: slackKey,
  respond: respondAsSlack(slackKey),
  scopes: 'slack:read',
  missing: 'slack:write',
  allowed: (url, token) => slackAt(url, token).auth.test(),
  forbidden: (url, token) => slackAt(url, token).chat.postMessage({ channel: 'C1', text: 'hi' }),
}

export const SDK_CASES: readonly SdkCase[] = [stripe, openai, anthropic, octokit, slack]
