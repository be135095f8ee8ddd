import type { StoreOptions } from '../options.ts'
import type { Store } from '../store.ts'

/**
 * What not every store has:
 *
 * - `options`: `open` honours its options; without it the store has the limits of etcd
 * - `alarms`: alarms can be raised and disarmed
 * - `snapshots`: {@link StoreUnderTest.restore} is there
 */
export type StoreFeature = 'options' | 'alarms' | 'snapshots'

/** What a case of the suite works on. */
export interface StoreUnderTest {
  /** A store of its own for the case, without keys, leases and alarms. The suite closes it. */
  readonly open: (options?: StoreOptions) => Promise<Store>
  /** A new store with the content of a snapshot. The suite closes it. */
  readonly restore?: (snapshot: AsyncIterable<Uint8Array>) => Promise<Store>
  /**
   * Moves the time by which leases of the opened stores expire. Unit: ms.
   * @defaultValue real time passes by itself, and cases wait for what it brings
   */
  readonly advance?: (ms: number) => Promise<void>
}

/** One law that every {@link Store} obeys. */
export interface StoreConformanceCase {
  readonly name: string
  /** The case makes no sense for a store that lacks one of these. */
  readonly needs: readonly StoreFeature[]
  /** Rejects with an assertion error when the store breaks the law. */
  readonly run: (subject: StoreUnderTest) => Promise<void>
}

/** What a law is checked on. */
export interface Trial {
  readonly store: Store
  /** Another store. */
  readonly open: StoreUnderTest['open']
  readonly restore: NonNullable<StoreUnderTest['restore']>
  /** Lets time pass: at once where time is the suite's, else it will. */
  readonly elapse: (ms: number) => Promise<void>
}

/** Leases of a case live this long unless it says otherwise. Unit: ms. */
export const shortTtlMs = 60

/** A case, on stores that are closed after it however it ends. */
export function law(
  name: string,
  check: (trial: Trial) => Promise<void> | void,
  { needs = [], options = {} }: { needs?: readonly StoreFeature[]; options?: StoreOptions } = {},
): StoreConformanceCase {
  return {
    name,
    needs,
    run: async (subject) => {
      const opened: Store[] = []
      const keep = async (opening: Promise<Store>): Promise<Store> => {
        const store = await opening
        opened.push(store)
        return store
      }
      const open = (asked: StoreOptions = {}): Promise<Store> =>
        keep(subject.open({ leaseTtlMinMs: shortTtlMs, ...asked }))
      const restore = (snapshot: AsyncIterable<Uint8Array>): Promise<Store> => {
        if (subject.restore === undefined) throw new TypeError('this case needs `restore`')
        return keep(subject.restore(snapshot))
      }
      const elapse = async (ms: number): Promise<void> => subject.advance?.(ms)
      try {
        await check({ store: await open(options), open, restore, elapse })
      } finally {
        await Promise.all(opened.map((store) => store.close()))
      }
    },
  }
}
