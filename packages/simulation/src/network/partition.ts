import { type Random, unreachable } from '@orrery/environment'
import { pick, shuffle } from '../time/draw.ts'

/** Ways in which a network falls apart. */
export const partitionShapes = [
  /** Two groups of about the same size. */
  'halves',
  /** Each node is in one of two groups by a coin. */
  'assignment',
  /** One node against all others. */
  'isolateOne',
  /** Each node reaches only its two neighbours. */
  'ring',
  /** One node can speak but not hear, or hear but not speak. */
  'oneWay',
  /** One group hears the other, but is not heard. */
  'asymmetric',
  /** Two nodes do not reach each other; all others do. */
  'partial',
  /** Two groups that only one node in the middle reaches. */
  'bridge',
] as const

/** See {@link partitionShapes}. */
export type PartitionShape = (typeof partitionShapes)[number]

/** Nothing gets from one node to the other. */
export interface Cut<Node> {
  readonly from: Node
  readonly to: Node
}

/**
 * Draws which ways are cut.
 *
 * @param nodes at least two
 * @param victim who is isolated or made one-way; by default anybody
 */
export function drawPartition<Node>(
  random: Random,
  nodes: readonly Node[],
  shape: PartitionShape,
  victim: Node | undefined = pick(random, nodes),
): readonly Cut<Node>[] {
  const shuffled = shuffle(random, nodes)
  const half = shuffled.slice(0, Math.floor(shuffled.length / 2))
  switch (shape) {
    case 'halves':
      return cutsWhere(nodes, (from, to) => half.includes(from) !== half.includes(to))
    case 'assignment': {
      const group = nodes.filter(() => random.below(2) === 1)
      return cutsWhere(nodes, (from, to) => group.includes(from) !== group.includes(to))
    }
    case 'isolateOne':
      return cutsWhere(nodes, (from, to) => (from === victim) !== (to === victim))
    case 'ring':
      return cutsWhere(shuffled, (from, to) => {
        const distance = Math.abs(shuffled.indexOf(from) - shuffled.indexOf(to))
        return distance !== 1 && distance !== shuffled.length - 1
      })
    case 'oneWay': {
      const isDeaf = random.below(2) === 1
      return cutsWhere(nodes, (from, to) => (isDeaf ? to : from) === victim)
    }
    case 'asymmetric':
      return cutsWhere(nodes, (from, to) => half.includes(from) && !half.includes(to))
    case 'partial': {
      const pair = shuffled.slice(0, 2)
      return cutsWhere(nodes, (from, to) => pair.includes(from) && pair.includes(to))
    }
    case 'bridge': {
      const [bridge, ...others] = shuffled
      const left = others.slice(0, Math.ceil(others.length / 2))
      const isApart = (from: Node, to: Node): boolean => left.includes(from) !== left.includes(to)
      return cutsWhere(nodes, (from, to) => from !== bridge && to !== bridge && isApart(from, to))
    }
    default:
      return unreachable(shape)
  }
}

function cutsWhere<Node>(nodes: readonly Node[], isCut: (from: Node, to: Node) => boolean): Cut<Node>[] {
  const cuts: Cut<Node>[] = []
  for (const from of nodes) {
    for (const to of nodes) if (from !== to && isCut(from, to)) cuts.push({ from, to })
  }
  return cuts
}
