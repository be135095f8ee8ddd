import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { hasCode } from '@orrery/environment'
import type { HeartbeatStoreErrorCode } from '../heartbeat-store-errors.ts'
import type { HeartbeatRecord, HeartbeatStore } from '../ports.ts'

/**
 * What not every implementation's tests can do:
 *
 * - `faults`: {@link HeartbeatStoreGround.cut} and {@link HeartbeatStoreGround.restore} are there
 */
export type HeartbeatStoreFeature = 'faults'

/** What a case of the suite works on. */
export interface HeartbeatStoreGround {
  /**
   * A store on the heartbeats of this case, which nobody has recorded any of yet: all that one case opens see each
   * other's. The suite closes it.
   */
  readonly open: () => Promise<HeartbeatStore>
  /**
   * Moves the time by which the opened stores tell ages. Unit: ms.
   * @defaultValue real time passes
   */
  readonly advance?: (ms: number) => Promise<void>
  /** Resolves when the opened stores cannot reach their heartbeats any more. */
  readonly cut?: () => Promise<void>
  /** Resolves when they could again. What was recorded may be lost. */
  readonly restore?: () => Promise<void>
}

/** One law that every {@link HeartbeatStore} obeys. */
export interface HeartbeatStoreConformanceCase {
  readonly name: string
  /** The case makes no sense on a ground that lacks one of these. */
  readonly needs: readonly HeartbeatStoreFeature[]
  /** Rejects with an assertion error when the store breaks the law. */
  readonly run: (ground: HeartbeatStoreGround) => Promise<void>
}

/** What a law is checked on. */
export interface Trial {
  readonly store: HeartbeatStore
  /** Another opening of the same heartbeats. */
  readonly open: () => Promise<HeartbeatStore>
  /** Lets at least so much time pass. */
  readonly elapse: (ms: number) => Promise<void>
  readonly cut: () => Promise<void>
  /** Restores, and resolves when a call of the store has succeeded. */
  readonly restore: () => Promise<void>
}

/** Clocks that tell whole milliseconds may be off by one at either end. Unit: ms. */
export const clockStepMs = 2

/** How often a store is asked whether it is back. Unit: attempts; ms. */
const recovery = { attempts: 1_000, pauseMs: 20 }

/** A case, on stores that are closed after it however it ends. */
export function law(
  name: string,
  check: (trial: Trial) => Promise<void>,
  { needs = [] }: { readonly needs?: readonly HeartbeatStoreFeature[] } = {},
): HeartbeatStoreConformanceCase {
  return {
    name,
    needs,
    run: async (ground) => {
      const opened: HeartbeatStore[] = []
      const open = async (): Promise<HeartbeatStore> => {
        const store = await ground.open()
        opened.push(store)
        return store
      }
      try {
        const store = await open()
        await check({
          store,
          open,
          elapse: (ms) => ground.advance?.(ms) ?? delay(ms),
          cut: () => given(ground.cut)(),
          restore: async () => {
            await given(ground.restore)()
            await recovered(store)
          },
        })
      } finally {
        await Promise.all(opened.map((store) => store.close()))
      }
    },
  }
}

function given(fault: (() => Promise<void>) | undefined): () => Promise<void> {
  if (fault === undefined) throw new TypeError('this case needs `cut` and `restore`')
  return fault
}

async function recovered(store: HeartbeatStore): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await store.latest(['recovered'])
      return
    } catch (error) {
      if (!hasCode(error, 'HEARTBEATS_UNAVAILABLE') || attempt === recovery.attempts) throw error
      await delay(recovery.pauseMs)
    }
  }
}

/** The call rejects with this code. */
export async function rejectsWith(call: Promise<unknown>, code: HeartbeatStoreErrorCode): Promise<void> {
  const error: unknown = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  assert.ok(hasCode(error, code), `expected ${code}, got ${String(error)}`)
}

/** What is known of subjects of which something is. */
export async function known(
  store: HeartbeatStore,
  subjects: readonly string[],
): Promise<readonly HeartbeatRecord[]> {
  const found = await store.latest(subjects)
  assert.equal(found.length, subjects.length)
  return found.map((record, index) => {
    assert.ok(record !== undefined, `nothing is known of ${JSON.stringify(subjects[index])}`)
    assert.ok(record.ageMs >= 0, `an age of ${record.ageMs} ms`)
    assert.ok(record.stamp !== '', 'an empty stamp')
    return record
  })
}

/** What is known of one subject of which something is. */
export async function knownOf(store: HeartbeatStore, subject: string): Promise<HeartbeatRecord> {
  const [record] = await known(store, [subject])
  assert.ok(record !== undefined)
  return record
}
