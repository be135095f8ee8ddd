import { configHubOptionNames } from './config-hub-options.ts'
import type { OptionName, PartialOptions } from './options.ts'
import {
  autoCompactionOf,
  compactionModeOf,
  optionDefaults,
  peerOptionNames,
  tlsOptionNames,
} from './options.ts'

/** An option that does not fit to others. */
export interface Contradiction {
  readonly key: OptionName
  readonly reason: string
}

/** Why the options of one source contradict each other, or undefined. */
export function contradictionOf(source: PartialOptions): Contradiction | undefined {
  if (source.memory === true && source['data-dir'] !== undefined) {
    return { key: 'memory', reason: 'keeps nothing on disk, so it excludes data-dir' }
  }
  const listensToPeers = source['listen-peer'] !== undefined && source['listen-peer'] !== 'off'
  if (source.memory === true && listensToPeers) {
    return { key: 'memory', reason: 'keeps nothing for other members, so it excludes listen-peer' }
  }
  if (source.join !== undefined && source['initial-cluster'] !== undefined) {
    return { key: 'join', reason: 'finds a cluster that exists, so it excludes initial-cluster' }
  }
  return undefined
}

/** Why the options of all sources together cannot be, or undefined. */
export function contradictionOfAll(merged: PartialOptions): Contradiction | undefined {
  const contradiction = contradictionOf(merged)
  if (contradiction !== undefined) return contradiction
  const peerOption = peerOptionNames.find((name) => merged[name] !== undefined)
  if (peerOption !== undefined && (merged.memory === true || merged['listen-peer'] === 'off')) {
    const cause = merged.memory === true ? 'memory' : 'listen-peer: off'
    return { key: peerOption, reason: `there are no other members with ${cause}` }
  }
  const tlsOption = tlsOptionNames.find((name) => merged[name] !== undefined)
  const missing = tlsOptionNames.find((name) => merged[name] === undefined)
  if (tlsOption !== undefined && missing !== undefined) {
    return { key: tlsOption, reason: `needs ${missing} beside it` }
  }
  const served = contradictionOfRegistry(merged) ?? contradictionOfConfigHub(merged)
  if (served !== undefined) return served
  if (autoCompactionOf(merged) === undefined) {
    const mode = compactionModeOf(merged)
    const form = mode === 'revision' ? 'a number of revisions' : 'a duration such as 1h30m, or hours'
    return { key: 'auto-compaction-retention', reason: `expected ${form} in mode ${mode}` }
  }
  const name = merged.name ?? optionDefaults.name
  const members = merged['initial-cluster']
  if (members !== undefined && !members.has(name)) {
    const known = [...members.keys()].join(', ')
    return { key: 'initial-cluster', reason: `has no member ${name}, only ${known}` }
  }
  const advertised = merged['advertise-peer']
  const agreed = members?.get(name)
  if (advertised !== undefined && agreed !== undefined && !isSameSet(advertised, agreed)) {
    return { key: 'advertise-peer', reason: `initial-cluster has ${name} at ${agreed.join(', ')}` }
  }
  return undefined
}

/** Why members could not bring each other heartbeats. */
function contradictionOfRegistry(merged: PartialOptions): Contradiction | undefined {
  if (merged['listen-http'] !== 'off') return undefined
  if (merged['advertise-http'] !== undefined) {
    return { key: 'advertise-http', reason: 'there is nothing to reach with listen-http: off' }
  }
  const hasMembers = merged.memory !== true && merged['listen-peer'] !== 'off'
  const hasRegistry = merged['listen-eureka'] !== 'off'
  if (!hasMembers || !hasRegistry || merged['heartbeat-redis'] !== undefined) return undefined
  const reason = 'members bring each other heartbeats there: needs heartbeat-redis, or listen-peer: off'
  return { key: 'listen-http', reason }
}

/** Why there would be no configuration hub that somebody wants something of. */
function contradictionOfConfigHub(merged: PartialOptions): Contradiction | undefined {
  const wanted = configHubOptionNames.find((name) => merged[name] !== undefined)
  if (merged['config-hub'] === 'off') {
    return wanted && { key: wanted, reason: 'there is no configuration hub with config-hub: off' }
  }
  const key = wanted ?? (merged['config-hub'] === 'on' ? 'config-hub' : undefined)
  if (key === undefined || merged['listen-http'] !== 'off') return undefined
  return { key, reason: 'nobody could ask the configuration hub with listen-http: off' }
}

function isSameSet(some: readonly string[], others: readonly string[]): boolean {
  return some.every((one) => others.includes(one)) && others.every((one) => some.includes(one))
}
