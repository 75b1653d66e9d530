/** What the server and its workers ask of each other. */

import { z } from 'zod'
import { Failure } from '../base/errors.ts'
import type { GrantUse } from '../policy/grant-store.ts'
import type { Revocation } from '../policy/revocation-log.ts'
import { unpackToken, type PackedToken, type TokenDesk } from '../secret/handed-token.ts'
import type { SealedSecret } from '../secret/sealed-store.ts'
import type { SourceState } from '../secret/source-state.ts'
import type { Replay } from '../token/replay.ts'

/** A listener as it was bound. */
export interface BoundListener {
  readonly address: string
  readonly service: string | undefined
  readonly isSecure: boolean
}

/** Why a worker could not start; the words of a failure are fit for everybody. */
export interface StartProblem {
  readonly code: string
  readonly problem: string
}

/** What the server answers to a worker. `Orders` are what the worker needs to know to begin. */
export interface ServerCalls<Orders> extends GrantUse {
  orders(): Promise<Orders>
  /** Every revocation so far; from here on the worker hears of each further one, in order. */
  join(): Promise<readonly Revocation[]>
  /** It listens; the digest is that of its catalogue. */
  ready(listeners: readonly BoundListener[], catalogDigest: string): Promise<void>
  failed(problem: StartProblem): Promise<void>
  /** The envelope, and the highest version of this name that any process has opened. */
  findSealed(name: string): Promise<{ secret: SealedSecret | undefined; floor: number }>
  raiseFloor(name: string, version: number): Promise<void>
  /** Minted for all workers at once; see secret/handed-token.ts. */
  takeToken(name: string, refused: string | undefined): Promise<PackedToken>
  claimProof(proofId: string, expiresAt: number, now: number): Promise<boolean>
}

/** How a worker's requests ended when it was told to stop. */
interface Drained {
  readonly finished: number
  readonly cut: number
}

/** What a worker answers to the server. */
export interface WorkerCalls {
  /** How many requests were cut. */
  apply(revocation: Revocation): Promise<number>
  forget(credential: string): Promise<void>
  /** Reads the files again; the digest of the catalogue in force, undefined when they are wrong. */
  reload(): Promise<string | undefined>
  /** What it knows of each secret; never a value. */
  states(): Promise<readonly SourceState[]>
  report(): Promise<{ readonly isReady: boolean; readonly inFlight: number }>
  stop(graceMs: number): Promise<Drained>
}

const name = z.string().min(1).max(256)
const count = z.int().nonnegative()

const listener = z.object({
  address: z.string(),
  service: name.optional(),
  isSecure: z.boolean(),
})

const SHAPES: Readonly<Record<keyof ServerCalls<unknown>, z.ZodType>> = {
  orders: z.tuple([]),
  join: z.tuple([]),
  ready: z.tuple([z.array(listener), name]),
  failed: z.tuple([z.object({ code: z.string(), problem: z.string() })]),
  findSealed: z.tuple([name]),
  raiseFloor: z.tuple([name, count]),
  takeToken: z.tuple([name, name.optional()]),
  claimProof: z.tuple([name, z.number(), z.number()]),
  findByDigest: z.tuple([name]),
  findById: z.tuple([name]),
  bindAddress: z.tuple([name, name]),
  touch: z.tuple([z.map(name, count)]),
  reserve: z.tuple([name, count]),
}

/** Throws `refused` for arguments that no worker of ours would send. */
export function checkServerCall(call: string, given: readonly unknown[]): void {
  const shape = Object.hasOwn(SHAPES, call) ? SHAPES[call as keyof typeof SHAPES] : undefined
  if (shape?.safeParse(given).success !== true)
    throw new Failure('refused', 'a worker asked for something malformed')
}

type Asking = {
  ask<
    K extends
      | 'findByDigest'
      | 'findById'
      | 'bindAddress'
      | 'touch'
      | 'reserve'
      | 'findSealed'
      | 'raiseFloor'
      | 'takeToken'
      | 'claimProof',
  >(
    name: K,
    ...given: Parameters<ServerCalls<unknown>[K]>
  ): ReturnType<ServerCalls<unknown>[K]>
}

/** The server's stores as a worker uses them. */
export function remoteStores(server: Asking) {
  const floors = new Map<string, number>()
  const grants: GrantUse = {
    findByDigest: (digest) => server.ask('findByDigest', digest),
    findById: (id) => server.ask('findById', id),
    bindAddress: (id, address) => server.ask('bindAddress', id, address),
    touch: (lastUsed) => server.ask('touch', lastUsed),
    reserve: (id, wanted) => server.ask('reserve', id, wanted),
  }
  const replay: Replay = {
    claim: (proofId, expiresAt, now) => server.ask('claimProof', proofId, expiresAt, now),
  }
  return {
    grants,
    replay,
    sealed: {
      async find(secretName: string): Promise<SealedSecret | undefined> {
        const { secret, floor } = await server.ask('findSealed', secretName)
        floors.set(secretName, floor)
        return secret
      },
    },
    /** As of the last look at the envelope, which always comes before it. */
    versions: {
      highest: (secretName: string): number => floors.get(secretName) ?? 0,
      raise: (secretName: string, version: number) => server.ask('raiseFloor', secretName, version),
    },
  }
}

/** The server's token desk as a worker asks it. */
export function remoteDesk(server: Asking): TokenDesk {
  return {
    take: async (name, refused) => unpackToken(await server.ask('takeToken', name, refused)),
    // Who makes the server forget tells it first, and the workers afterwards.
    forget: () => undefined,
    // The server tells of its tokens itself.
    state: () => undefined,
  }
}
