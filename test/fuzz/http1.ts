/**
 * Fuzzes the HTTP/1.1 parsers: spoilt messages, cut at random, held against what must be true of them.
 *
 *     npm run fuzz -- --seconds 60 --seed 1 --duty 100
 *     npm run fuzz -- --seed 4711 --cases 1       that case again
 *
 * Each case has a seed of its own, so that a finding can be repeated alone. A finding goes into
 * test/vectors/http1.json once it is mended. `--duty` is how much of a core it may take, in percent.
 */

import { parseArgs } from 'node:util'
import { readCorpus } from '../support/corpora.ts'
import { judgeAnswer, judgeChunks, judgeRequests } from './judge.ts'
import { answerText, chunksText, requestsText, spoil } from './message.ts'
import { Random } from './random.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    cases: { type: 'string', default: 'Infinity' },
    duty: { type: 'string', default: '100' },
  },
})

/** How long to work before a pause, when the duty asks for pauses. */
const SPELL_MS = 25
const REPORT_EVERY_MS = 60_000

const corpus = ['http/http1-smuggling', 'http/http1-te-mutations'].flatMap((name) =>
  (readCorpus(name) ?? []).map((row) =>
    Buffer.from(String(row['raw_b64']), 'base64').toString('latin1'),
  ),
)

const KINDS = ['requests', 'requests', 'corpus', 'answer', 'chunks'] as const

const counts = { cases: 0, findings: 0 }

async function runCase(seed: number): Promise<void> {
  const random = new Random(seed)
  const kind = random.pick(KINDS)
  const bytes = Buffer.from(spoil(textOf(kind, random), random), 'latin1')
  counts.cases += 1
  try {
    if (kind === 'answer') await judgeAnswer(bytes, random)
    else if (kind === 'chunks') judgeChunks(bytes, random)
    else await judgeRequests(bytes, random)
  } catch (error) {
    counts.findings += 1
    say({ finding: kind, seed, bytes: bytes.toString('latin1'), error: String(error) })
  }
}

function textOf(kind: (typeof KINDS)[number], random: Random): string {
  if (kind === 'answer') return answerText(random)
  if (kind === 'chunks') return chunksText(random)
  if (kind === 'requests' || corpus.length === 0) return requestsText(random)
  return random.pick(corpus).replaceAll('__HOST__', 'localhost')
}

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

async function run(): Promise<void> {
  const [seconds, seed, cases, duty] = [values.seconds, values.seed, values.cases, values.duty].map(
    Number,
  ) as [number, number, number, number]
  const start = performance.now()
  let spellStart = start
  let reportedAt = start
  say({ seed, seconds, duty })
  while (counts.cases < cases && performance.now() - start < seconds * 1000) {
    await runCase(seed + counts.cases)
    const now = performance.now()
    const worked = now - spellStart
    if (duty < 100 && worked > SPELL_MS) {
      await new Promise((resolve) => setTimeout(resolve, worked * (100 / duty - 1)))
      spellStart = performance.now()
    }
    if (now - reportedAt > REPORT_EVERY_MS) {
      reportedAt = now
      say({ ...counts, seconds: Math.round((now - start) / 1000) })
    }
  }
  say({ ...counts, seconds: Math.round((performance.now() - start) / 1000), isDone: true })
  process.exitCode = counts.findings === 0 ? 0 : 1
}

await run()
