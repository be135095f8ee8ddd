import type { Leases, Store } from '@orrery/store'

/** Names of the calls that a {@link FaultyStore} lets a test get at. */
export type FaultyCall = 'range' | 'txn' | 'watch' | 'grant' | 'keepAlive' | 'revoke'

/** What registries use of a store, with calls that a test counts and spoils. */
export interface FaultyStore extends Pick<Store, 'range' | 'txn' | 'watch' | 'leases'> {
  readonly calls: Record<FaultyCall, number>
  /** What happens instead of a call; given the call itself. Undefined: nothing special. */
  readonly faults: { [Name in FaultyCall]?: ((call: () => unknown) => unknown) | undefined }
}

/** Wraps a store. */
export function createFaultyStore(store: Store): FaultyStore {
  const calls = { range: 0, txn: 0, watch: 0, grant: 0, keepAlive: 0, revoke: 0 }
  const faults: FaultyStore['faults'] = {}
  const through = <Result>(name: FaultyCall, call: () => Result): Result => {
    calls[name]++
    const fault = faults[name]
    return fault === undefined ? call() : (fault(call) as Result)
  }
  const leases: Leases = {
    grant: (...args) => through('grant', () => store.leases.grant(...args)),
    keepAlive: (...args) => through('keepAlive', () => store.leases.keepAlive(...args)),
    revoke: (...args) => through('revoke', () => store.leases.revoke(...args)),
    timeToLive: (...args) => store.leases.timeToLive(...args),
    list: (...args) => store.leases.list(...args),
  }
  return {
    calls,
    faults,
    leases,
    range: (...args) => through('range', () => store.range(...args)),
    txn: (...args) => through('txn', () => store.txn(...args)),
    watch: (...args) => through('watch', () => store.watch(...args)),
  }
}

/** A call that never comes back. */
export function hang(): Promise<never> {
  return new Promise(() => {})
}
