/**
 * OpenAI, streamed. Scope: openai:inference
 */

import OpenAI from 'openai'

const openai = new OpenAI({
  baseURL: `${process.env['PROXY_URL'] ?? 'http://localhost:8900'}/openai/v1`,
  apiKey: process.env['PHANTOM_TOKEN'] ?? '',
})

const stream = await openai.chat.completions.create({
  model: process.env['MODEL'] ?? 'gpt-5-mini',
  messages: [{ role: 'user', content: 'Say hello to the agent.' }],
  stream: true,
})
for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta.content ?? '')
process.stdout.write('\n')
