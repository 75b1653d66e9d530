/**
 * What scrubbing costs: per small answer, and per byte of large ones of several kinds; beside a copy of
 * the same bytes, which is the least that anything could cost that touches them.
 *
 *     node bench/scrub.ts
 */

import { Secret } from '../src/secret/secret.ts'
import { needlesFor } from '../src/scrub/needles.ts'
import { Scrubber } from '../src/scrub/scrubber.ts'

const MEGABYTES = 64
const CHUNK = 64 * 1024
const SMALL = Buffer.from(
  JSON.stringify({
    id: 'ch_3MmlLrLkdIwHu7ix0snN0B15',
    object: 'charge',
    amount: 1999,
    currency: 'eur',
    status: 'succeeded',
    metadata: { order: '6735' },
    description: 'two "quoted" words',
  }),
)

const needles = needlesFor([new Secret('sk_live_4eC39HqLyjWDarjtT1zdp7dcAbCdEfGh')])

const fill = (text: string): Buffer => Buffer.alloc(CHUNK, text)

const KINDS: readonly (readonly [string, Buffer])[] = [
  [
    'JSON',
    fill(
      '{"id": "cus_9s6XKzkNRiz8i3", "email": "jane@example.com", "name": "Jane \\"JD\\" Doe\\n", "balance": 0}, ',
    ),
  ],
  ['prose', fill('The quick brown fox jumps over the lazy dog, and asks for its keys. ')],
  ['HTML', fill('<p class="x">Fish &amp; chips &lt;b&gt; for &#8364;5 &nbsp; </p>\n')],
  ['percent-encoded', fill('name=J%C3%BCrgen%20M%C3%BCller&street=Hauptstra%C3%9Fe%205&')],
  ['\\u-escaped', fill('"\\u00fc\\u00e4\\u4e2d\\u6587 text", ')],
  ['nothing but escapes that may matter', fill('%41%62%43%64')],
  ['zeros', Buffer.alloc(CHUNK)],
]

function perSecond(times: number, work: () => void): number {
  for (let warm = 0; warm < times / 10; warm++) work()
  const started = performance.now()
  for (let time = 0; time < times; time++) work()
  return times / ((performance.now() - started) / 1000)
}

const small = perSecond(200_000, () => {
  const scrubber = new Scrubber(needles)
  scrubber.push(SMALL)
  scrubber.end()
})
console.log(`a small answer (${SMALL.length} bytes): ${(1e6 / small).toFixed(2)} us`)

for (const [kind, chunk] of KINDS) {
  const times = (MEGABYTES * 1024 * 1024) / CHUNK
  const scrubber = new Scrubber(needles)
  const scrubbed = perSecond(times, () => void scrubber.push(chunk)) * CHUNK
  const copied = perSecond(times, () => void Buffer.from(chunk)) * CHUNK
  const gigabytes = (scrubbed / 1e9).toFixed(2)
  console.log(`${kind}: ${gigabytes} GB/s, ${(copied / scrubbed).toFixed(1)} x the time of a copy`)
}
