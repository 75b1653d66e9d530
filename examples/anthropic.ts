/**
 * Anthropic, streamed. Scope: anthropic:inference
 */

import Anthropic from '@anthropic-ai/sdk'

const anthropic = new Anthropic({
  baseURL: `${process.env['PROXY_URL'] ?? 'http://localhost:8900'}/anthropic`,
  apiKey: process.env['PHANTOM_TOKEN'] ?? '',
})

const stream = anthropic.messages
  .stream({
    model: process.env['MODEL'] ?? 'claude-haiku-4-5',
    max_tokens: 64,
    messages: [{ role: 'user', content: 'Say hello to the agent.' }],
  })
  .on('text', (text) => process.stdout.write(text))
await stream.done()
process.stdout.write('\n')
