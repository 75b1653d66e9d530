/**
 * The whole story in half a minute: a key is sealed, an agent gets a phantom, may charge and may
 * not refund, is cut off, and never held the key. Every claim is checked; a false one fails.
 */

import { createScreen } from './screen.ts'
import { openStage } from './stage.ts'

const SCOPES = 'stripe:read,stripe:write'
const AGENT = 'order-processing-agent'

const screen = createScreen(process.stdout)
const stage = await openStage()
const startedAt = Date.now()

async function tell(): Promise<void> {
  screen.title(
    'apistronghold',
    'one agent, the real Stripe SDK, and a Stripe of our own (TLS, private CA)',
  )

  await screen.step('The operator sets up the proxy and seals the Stripe key')
  await screen.command(
    'apistronghold init --env production --services stripe --import-secret stripe=file:stripe.key',
    await stage.initialise(),
  )
  screen.claim(
    'no file that it wrote holds the key, in whatever form',
    stage.findOnDisk(stage.key).length === 0,
  )

  await screen.step('It serves: agents on one port, operators on another')
  await screen.command('apistronghold serve', await stage.serve())

  await screen.step('An agent gets a phantom token: for Stripe, to read and write, for four hours')
  const token = await stage.command(
    'token',
    'issue',
    '--agent',
    AGENT,
    '--scopes',
    SCOPES,
    '--ttl',
    '4h',
  )
  await screen.command(
    `apistronghold token issue --agent ${AGENT} --scopes ${SCOPES} --ttl 4h`,
    token,
  )

  await screen.step('The agent takes a payment, with the SDK it always used')
  const agent = stage.startAgent(token)
  const charged = await agent.obey('charge')
  screen.say('agent', charged)
  screen.claim('the charge went through', charged.includes('succeeded'))
  screen.claim('Stripe saw the real key, once', stage.stripe.count(stage.key) === 1)
  screen.claim('Stripe never saw the phantom', stage.stripe.count(token) === 0)

  await screen.step('Then somebody talks it into a refund')
  const refunded = await agent.obey('refund')
  screen.say('agent', refunded)
  screen.claim('refused, and the SDK threw', refunded.includes('stripe:refund'))
  screen.claim('nothing of it reached Stripe', stage.stripe.count('/v1/refunds') === 0)

  await screen.step('What did the agent process hold all the time?')
  const [phantom = [], key = []] = await agent.search([token, stage.key])
  screen.claim(`the phantom: found in its ${phantom.join(', ')}`, phantom.length > 0)
  screen.claim('the key: nowhere, not as text, base64, hex, percent or UTF-16', key.length === 0)

  await screen.step('The operator revokes the token; the key stays as it is')
  await screen.command(
    `apistronghold token revoke --agent ${AGENT}`,
    await stage.command('token', 'revoke', '--agent', AGENT),
  )
  const afterwards = await agent.obey('charge')
  screen.say('agent', afterwards)
  screen.claim('the next call fails', afterwards.startsWith('StripeAuthenticationError'))
  screen.claim('and did not reach Stripe', stage.stripe.requests.length === 1)

  await screen.step('All of it is in the audit')
  const audit = await stage.command('audit', 'query', '--agent', AGENT)
  await screen.command(`apistronghold audit query --agent ${AGENT}`, audit)
  screen.claim('the refusal with its reason', audit.includes('/v1/refunds'))
  screen.claim(
    'and no trace of the key or the phantom',
    [token, stage.key].every((value) => stage.findOnDisk(value).length === 0),
  )
}

// Nobody listens any more (`| head`): the story goes on unheard, and cleans up as always.
process.stdout.on('error', () => undefined)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => void stage.close().finally(() => process.exit(1)))
}
try {
  await tell()
} finally {
  await stage.close()
}
const seconds = ((Date.now() - startedAt) / 1000).toFixed(1)
console.log(
  screen.broken === 0
    ? `\n  Every claim held. ${seconds} s; nothing of it is left on this machine.\n`
    : `\n  ${screen.broken} claims did not hold.\n`,
)
process.exitCode = screen.broken === 0 ? 0 : 1
