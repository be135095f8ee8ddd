import type { Random } from '@orrery/environment'
import { SimulationError } from '../errors.ts'
import { between, chance } from '../time/draw.ts'

/** What happens to messages on the way from one node to another. */
export interface LinkFaults {
  /** Every message takes at least so long. Unit: ms. */
  readonly delayMinMs: number
  /** On top of it, exponentially distributed. Unit: ms. */
  readonly delayMeanMs: number
  /** Messages that never arrive. Within [0, 1]. */
  readonly lossRatio: number
  /** Messages that arrive a second time, later. Within [0, 1]. */
  readonly duplicateRatio: number
  /** How much later, exponentially distributed. Unit: ms. */
  readonly duplicateDelayMeanMs: number
  /** Whether a message may overtake one that was sent before it. */
  readonly reorders: boolean
  /** Messages on the way at the same time; more are lost. */
  readonly inflightMaxMessages: number
}

/** A network that only takes time: 1 to about 2 ms. */
export const reliableLink: LinkFaults = {
  delayMinMs: 1,
  delayMeanMs: 0.2,
  lossRatio: 0,
  duplicateRatio: 0,
  duplicateDelayMeanMs: 0,
  reorders: false,
  inflightMaxMessages: 10_000,
}

/**
 * Draws how a network misbehaves in one run: each kind of fault is present in about half of all runs, because
 * faults that are always there hide each other. After the swarm settings of TigerBeetle's VOPR.
 */
export function drawLinkFaults(random: Random): LinkFaults {
  const present = (label: string, draw: (stream: Random) => number): number => {
    const stream = random.fork(label)
    return chance(stream, 0.5) ? draw(stream) : 0
  }
  return {
    delayMinMs: 0.5 + present('delay', (stream) => between(stream, 0, 15)),
    delayMeanMs: 0.5 + present('jitter', (stream) => between(stream, 0, 40)),
    lossRatio: present('loss', (stream) => between(stream, 0, 0.2)),
    duplicateRatio: present('duplicate', (stream) => between(stream, 0, 0.3)),
    duplicateDelayMeanMs: between(random.fork('duplicateDelay'), 1, 2_000),
    reorders: chance(random.fork('reorder'), 0.5),
    inflightMaxMessages: present('capacity', () => 1) === 0 ? 10_000 : 8 + random.fork('slots').below(56),
  }
}

/** @throws SimulationError `SIMULATION_INVALID_OPTION` */
export function requireLinkFaults(faults: LinkFaults): LinkFaults {
  for (const [name, value] of Object.entries(faults)) {
    const max = name.endsWith('Ratio') ? 1 : Number.MAX_SAFE_INTEGER
    if (typeof value === 'boolean' || (typeof value === 'number' && value >= 0 && value <= max)) continue
    throw new SimulationError('SIMULATION_INVALID_OPTION', `${name} must be within [0, ${max}], not ${value}`)
  }
  return faults
}
