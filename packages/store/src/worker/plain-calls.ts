import type { Alarm, CompactRequest, HashKvResult, LeaseTimeToLive, ReadOptions, Store } from '../store.ts'
import type { Cluster } from '../cluster/cluster.ts'

// Calls that are not the bulk of the traffic: their arguments and results travel as structured cloning copies them.

type Member = Parameters<Cluster['add']>[0]

/** What the calls do where the store is. */
export const plainCalls = {
  compact: (store: Store, options: ReadOptions, request: CompactRequest) => store.compact(request, options),
  hashKv: (store: Store, options: ReadOptions, revision: number | undefined): Promise<HashKvResult> =>
    store.hashKv({ revision }, options),
  flush: (store: Store, options: ReadOptions) => store.flush(options),
  grant: (
    store: Store,
    options: ReadOptions,
    request: { readonly ttlMs: number; readonly id?: bigint | undefined },
  ) => store.leases.grant(request, options),
  revoke: (store: Store, options: ReadOptions, id: bigint) => store.leases.revoke(id, options),
  keepAlive: (store: Store, options: ReadOptions, id: bigint) => store.leases.keepAlive(id, options),
  timeToLive: async (
    store: Store,
    options: ReadOptions,
    { id, keys }: { readonly id: bigint; readonly keys: boolean | undefined },
  ): Promise<LeaseTimeToLive | undefined> => {
    const found = await store.leases.timeToLive(id, { ...options, keys })
    // Each in memory of its own: a view would take along what it is a view of.
    return found?.keys === undefined
      ? found
      : { ...found, keys: found.keys.map((key) => new Uint8Array(key)) }
  },
  leases: (store: Store, options: ReadOptions) => store.leases.list(options),
  activate: (store: Store, options: ReadOptions, alarm: Alarm) => store.alarms.activate(alarm, options),
  deactivate: (store: Store, options: ReadOptions, alarm: Alarm) => store.alarms.deactivate(alarm, options),
  members: (store: Store, options: ReadOptions) => store.cluster.members(options),
  addMember: (store: Store, options: ReadOptions, member: Member) => store.cluster.add(member, options),
  removeMember: (store: Store, options: ReadOptions, id: bigint) => store.cluster.remove(id, options),
  updateMember: (
    store: Store,
    options: ReadOptions,
    { id, peerAddresses }: { readonly id: bigint; readonly peerAddresses: readonly string[] },
  ) => store.cluster.update(id, peerAddresses, options),
  promoteMember: (store: Store, options: ReadOptions, id: bigint) => store.cluster.promote(id, options),
  transferLeadership: (store: Store, options: ReadOptions, to: bigint | 'any') =>
    store.cluster.transferLeadership(to, options),
} as const

/** The name of one of {@link plainCalls}. */
export type PlainCallName = keyof typeof plainCalls

/** Its argument, undefined when it has none. */
export type PlainArgument<Name extends PlainCallName> = Parameters<(typeof plainCalls)[Name]>[2]

/** What it gives. */
export type PlainResult<Name extends PlainCallName> = Awaited<ReturnType<(typeof plainCalls)[Name]>>
