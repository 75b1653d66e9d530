import { describe, expect, it } from 'vitest'
import { userAgent } from './fields.ts'

describe('AU-05 a user agent', () => {
  it.each([
    ['canary7Zq2canary7Zq2canary', '[long]'],
    ['agent/1 (k3y0fAnApiThatHasNoShape)', 'agent/1 ([long])'],
    [`agent/1 ${'a'.repeat(32)}`, 'agent/1 [long]'],
  ])('%s loses what may be a key', (text, shown) => {
    expect(userAgent(text)).toBe(JSON.stringify(shown))
  })

  it.each([
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0',
    'aws-sdk-js/3.901.0 ua/2.1 os/linux#6.18 lang/js md/nodejs#24.21.0 exec-env/AWS_Lambda_nodejs24',
    'OpenAI/Python 1.99.1 AsyncOpenAI',
    'com.example.InternationalisationService/2',
  ])('%s stays as it is', (text) => {
    expect(userAgent(text)).toBe(JSON.stringify(text))
  })
})
