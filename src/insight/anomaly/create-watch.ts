/** The watch: each record is judged against what its subject usually does, and then learnt from. */

import type { AuditRecord } from '../../audit/audit-reader.ts'
import type { Finding, Watch } from '../watch.ts'
import { newBaseline, restoreBaseline, type Baseline } from './baseline.ts'
import {
  deedOf,
  type Admitted,
  type Changed,
  type Counted,
  type Ended,
  type Refused,
} from './deed.ts'
import { judgeEcho, judgeMarks } from './exfiltration.ts'
import type { Judged } from './judged.ts'
import { judgeNovelty } from './novelty.ts'
import { judgePlaces } from './places.ts'
import { judgeRefusal, judgeStrangers } from './refused.ts'
import { isToTell } from './told.ts'
import { judgeIssuing, judgePayload, judgeRate } from './volume.ts'

export interface WatchSettings {
  /** Before that an agent is not known, and nothing it does is surprising. */
  readonly learningMs: number
  readonly learningRequests: number
  /** A rule is told once about a token within this time, unless it gets much surer. */
  readonly quietMs: number
}

const HOUR_MS = 60 * 60 * 1000

export const WATCH_PRESETS: WatchSettings = {
  learningMs: 72 * HOUR_MS,
  learningRequests: 200,
  quietMs: HOUR_MS,
}

/** Subjects in memory; the one that was seen longest ago is forgotten first. */
const SUBJECTS = 10_000
/** Requests whose end is still to come. */
const UNDER_WAY = 10_000

/** `learnt`: what `takeLearnt` gave, by subject; what another version wrote is learnt anew. */
export function createWatch(
  learnt: ReadonlyMap<string, unknown> = new Map(),
  settings: WatchSettings = WATCH_PRESETS,
): Watch {
  return new LearningWatch(learnt, settings)
}

/** Who a finding is about, where the record itself says so. */
type About = Pick<Finding, 'agent' | 'tokenId' | 'requestId'>

class LearningWatch implements Watch {
  readonly #settings: WatchSettings
  readonly #subjects = new Map<string, Baseline>()
  readonly #changed = new Set<string>()
  readonly #underWay = new Map<string, About & { readonly agent: string }>()

  constructor(learnt: ReadonlyMap<string, unknown>, settings: WatchSettings) {
    this.#settings = settings
    for (const [subject, value] of learnt) {
      const baseline = restoreBaseline(value)
      if (baseline) this.#keep(subject, baseline)
    }
  }

  observe(record: AuditRecord): readonly Finding[] {
    const deed = deedOf(record)
    switch (deed?.kind) {
      case undefined:
        return NOTHING
      case 'intent':
        return this.#admitted(deed)
      case 'refusal':
        return this.#refused(deed)
      case 'outcome':
        return this.#ended(deed)
      case 'counted':
        return this.#counted(deed)
      case 'change':
        return this.#issued(deed)
    }
  }

  takeLearnt(): ReadonlyMap<string, unknown> {
    const learnt = new Map<string, unknown>()
    for (const subject of this.#changed) {
      const baseline = this.#subjects.get(subject)
      if (baseline) learnt.set(subject, baseline)
    }
    this.#changed.clear()
    return learnt
  }

  #admitted(deed: Admitted): readonly Finding[] {
    const { agent, tokenId, requestId, at } = deed
    const subject = `agent ${agent}`
    const baseline = this.#baselineOf(subject, at)
    const isKnown = this.#isKnown(baseline, at)
    if (requestId !== undefined) this.#begin(requestId, { agent, tokenId, requestId })
    const judged = [
      judgeMarks(deed.marks),
      ...judgeNovelty(baseline, deed, isKnown),
      judgeRate(baseline, at, isKnown),
      judgePlaces(baseline, deed, isKnown),
    ]
    baseline.requests += 1
    return this.#tell(baseline, judged, { at, agent, tokenId, requestId })
  }

  #refused(deed: Refused): readonly Finding[] {
    const { agent, tokenId, requestId, at } = deed
    const baseline = this.#baselineOf(`agent ${agent}`, at)
    const isKnown = this.#isKnown(baseline, at)
    const judged = [judgeMarks(deed.marks), ...judgeRefusal(baseline, deed, isKnown)]
    return this.#tell(baseline, judged, { at, agent, tokenId, requestId })
  }

  #ended(deed: Ended): readonly Finding[] {
    const about = this.#underWay.get(deed.requestId)
    if (!about) return NOTHING
    this.#underWay.delete(deed.requestId)
    const { at } = deed
    const baseline = this.#baselineOf(`agent ${about.agent}`, at)
    const judged = [
      judgeMarks(deed.marks),
      judgeEcho(deed.marks),
      judgePayload(baseline, deed, this.#isKnown(baseline, at)),
    ]
    return this.#tell(baseline, judged, { ...about, at })
  }

  #counted(deed: Counted): readonly Finding[] {
    const { at, network } = deed
    const baseline = this.#baselineOf(`network ${network}`, at)
    const judged = judgeStrangers(baseline, deed)
    const found = judged && { ...judged, reason: `from ${network}: ${judged.reason}` }
    return this.#tell(baseline, [found], { ...NOBODY, at })
  }

  #issued({ at, operator, action, requestId }: Changed): readonly Finding[] {
    if (action !== 'token.issue') return NOTHING
    const baseline = this.#baselineOf(`operator ${operator}`, at)
    const isKnown = at - baseline.firstAt >= this.#settings.learningMs
    const judged = judgeIssuing(baseline, at, isKnown)
    const found = judged && { ...judged, reason: `${operator}: ${judged.reason}` }
    return this.#tell(baseline, [found], { ...NOBODY, requestId, at })
  }

  /** Those that were not told lately. */
  #tell(
    { told }: Baseline,
    judged: readonly (Judged | undefined)[],
    about: About & { readonly at: number },
  ): readonly Finding[] {
    const { quietMs } = this.#settings
    let findings: Finding[] | undefined
    for (const found of judged) {
      if (!found || !isToTell(told, found, { ...about, quietMs })) continue
      findings ??= []
      findings.push({ ...about, ...found })
    }
    return findings ?? NOTHING
  }

  #isKnown({ firstAt, requests }: Baseline, at: number): boolean {
    const { learningMs, learningRequests } = this.#settings
    return at - firstAt >= learningMs && requests >= learningRequests
  }

  #baselineOf(subject: string, at: number): Baseline {
    const baseline = this.#subjects.get(subject) ?? newBaseline(at)
    this.#keep(subject, baseline)
    this.#changed.add(subject)
    return baseline
  }

  /** As the one that was seen last. */
  #keep(subject: string, baseline: Baseline): void {
    this.#subjects.delete(subject)
    this.#subjects.set(subject, baseline)
    if (this.#subjects.size <= SUBJECTS) return
    const [oldest = ''] = this.#subjects.keys()
    this.#subjects.delete(oldest)
  }

  #begin(requestId: string, about: About & { readonly agent: string }): void {
    this.#underWay.set(requestId, about)
    if (this.#underWay.size <= UNDER_WAY) return
    const [oldest = ''] = this.#underWay.keys()
    this.#underWay.delete(oldest)
  }
}

const NOTHING: readonly Finding[] = []
const NOBODY: About = { agent: undefined, tokenId: undefined, requestId: undefined }
