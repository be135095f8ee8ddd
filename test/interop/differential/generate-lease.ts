import type { Random } from '@orrery/environment'
import { chance, pick } from './choose.ts'
import { unknownLease } from './generate-write.ts'
import type { Call, Knowledge } from './step.ts'

/** Leases must outlive the run, so that nothing expires. Unit: s. */
const ttlMinSeconds = 10_000

/** A lease with an id of its own choice. */
export function generateGrant(random: Random): Call {
  const small = BigInt(1 + random.below(1_000))
  const ID = chance(random, 60) ? small : chance(random, 50) ? random.id63() : -small
  return {
    method: 'LeaseGrant',
    labels: [ID < 0n ? 'LeaseGrant negative id' : 'LeaseGrant'],
    fields: { ID, TTL: ttlMinSeconds + random.below(1_000_000) },
  }
}

/** The end of a lease and of its keys. */
export function generateRevoke(random: Random, knowledge: Knowledge): Call {
  const ID = knowledge.leases.length === 0 ? unknownLease : pick(random, knowledge.leases)
  return { method: 'LeaseRevoke', labels: ['LeaseRevoke'], fields: { ID } }
}

/** A question about leases, or their renewal: nothing that changes keys. */
export function generateLeaseRead(random: Random, knowledge: Knowledge): Call {
  const ID =
    knowledge.leases.length === 0 || chance(random, 15) ? unknownLease : pick(random, knowledge.leases)
  const known = ID === unknownLease ? 'unknown' : 'known'
  switch (random.below(4)) {
    case 0:
      return { method: 'LeaseKeepAlive', labels: [`LeaseKeepAlive ${known}`], fields: { ID } }
    case 1:
      return { method: 'LeaseLeases', labels: ['LeaseLeases'], fields: {} }
    case 2:
      return { method: 'LeaseTimeToLive', labels: [`LeaseTimeToLive ${known}`], fields: { ID } }
    default:
      return {
        method: 'LeaseTimeToLive',
        labels: [`LeaseTimeToLive keys ${known}`],
        fields: { ID, keys: true },
      }
  }
}
