/** As much of Anthropic's API as the tests need: one message, streamed or not. */

import type { Answer, Respond } from './upstream.ts'

export function respondAsAnthropic(key: string): Respond {
  return (request) => {
    if (request.header('x-api-key') !== key) return failed(401, 'authentication_error')
    if (`${request.method} ${request.target}` !== 'POST /v1/messages') {
      return failed(404, 'not_found_error')
    }
    const { stream } = JSON.parse(request.body.toString()) as { stream?: boolean }
    if (stream) return { headers: { 'content-type': 'text/event-stream' }, chunks: events() }
    return { body: { ...message, content: [{ type: 'text', text: 'Hello, agent' }] } }
  }
}

const message = {
  id: 'msg_fake',
  type: 'message',
  role: 'assistant',
  model: 'claude-fake',
  content: [] as unknown[],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: { input_tokens: 1, output_tokens: 2 },
}

function failed(status: number, type: string): Answer {
  return { status, body: { type: 'error', error: { type, message: type } } }
}

async function* events(): AsyncGenerator<string> {
  yield event('message_start', { message: { ...message, stop_reason: null } })
  yield event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } })
  for (const text of ['Hello', ', ', 'agent']) {
    yield event('content_block_delta', { index: 0, delta: { type: 'text_delta', text } })
  }
  yield event('content_block_stop', { index: 0 })
  yield event('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 2 } })
  yield event('message_stop', {})
}

function event(type: string, data: Readonly<Record<string, unknown>>): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`
}
