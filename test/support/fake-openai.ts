/** As much of OpenAI's API as the tests need: a chat completion, streamed or not, and models. */

import type { Answer, Respond } from './upstream.ts'

export function respondAsOpenai(key: string): Respond {
  return (request) => {
    if (request.header('authorization') !== `Bearer ${key}`) return wrongKey
    switch (`${request.method} ${request.target}`) {
      case 'POST /v1/chat/completions':
        return complete(JSON.parse(request.body.toString()) as { stream?: boolean })
      case 'GET /v1/models':
        return { body: { object: 'list', data: [{ id: 'gpt-fake', object: 'model' }] } }
      default:
        return { status: 404, body: { error: { message: 'unknown URL', type: 'invalid_request' } } }
    }
  }
}

const wrongKey: Answer = {
  status: 401,
  body: { error: { message: 'Incorrect API key provided', type: 'invalid_request_error' } },
}

function complete({ stream }: { readonly stream?: boolean }): Answer {
  if (stream) {
    return {
      headers: { 'content-type': 'text/event-stream' },
      chunks: words(['Hello', ', ', 'agent']),
    }
  }
  const message = { role: 'assistant', content: 'Hello, agent' }
  return {
    body: {
      id: 'chatcmpl-fake',
      object: 'chat.completion',
      choices: [{ index: 0, message, finish_reason: 'stop' }],
    },
  }
}

async function* words(texts: readonly string[]): AsyncGenerator<string> {
  for (const text of texts) yield completionEvent(text)
  yield 'data: [DONE]\n\n'
}

/** One server-sent event of a streamed completion. */
export function completionEvent(content: string): string {
  const choices = [{ index: 0, delta: { content }, finish_reason: null }]
  return `data: ${JSON.stringify({ id: 'c1', object: 'chat.completion.chunk', choices })}\n\n`
}
