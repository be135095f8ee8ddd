import { setTimeout as delay } from 'node:timers/promises'
import type { History } from './history.ts'
import { smallMachine } from './disks.ts'
import type { Machines, Post } from './machines.ts'
import type { FaultKind, Step } from './schedule.ts'
import type { WireState } from './wires.ts'

/** How long the cluster may take to answer a write once a fault is over. Unit: ms. */
const recoveryMaxMs = 60_000

export interface NemesisParts {
  readonly machines: Machines
  readonly history: History
  readonly log: (line: string) => void
}

/** Hurts the cluster as a schedule says, and heals it after every step. */
export class Nemesis {
  readonly counts = new Map<FaultKind, number>()
  readonly #parts: NemesisParts
  #step: Step | undefined

  constructor(parts: NemesisParts) {
    this.#parts = parts
  }

  /** @throws Error when the cluster does not recover */
  async perform(step: Step): Promise<void> {
    const { machines, history, log } = this.#parts
    this.#step = step
    const { fault, wire, holdMs } = step
    const leader = (await machines.leader()) ?? this.#any()
    log(`${fault}${wire === undefined ? '' : ` and ${wire}`} for ${holdMs} ms, led by ${leader.machine.name}`)
    if (wire !== undefined) await this.#cut(wire, leader)
    await this.#hurt(fault, leader)
    machines.wires.heal()
    const healedMs = performance.now()
    await within(recoveryMaxMs, `after ${fault} no write is answered`, history.nextWrite())
    for (const { machine } of machines.posts) await machine.ready()
    log(`  served again ${Math.round(performance.now() - healedMs)} ms after it was over`)
    this.counts.set(fault, (this.counts.get(fault) ?? 0) + 1)
    await delay(step.pauseMs)
  }

  async #hurt(fault: FaultKind, leader: Post): Promise<void> {
    const [follower, other] = this.#followers(leader)
    switch (fault) {
      case 'killLeader': {
        await this.#kill([leader])
        return
      }
      case 'killFollower': {
        await this.#kill([follower])
        return
      }
      case 'killAll': {
        await this.#kill([leader, follower, other])
        return
      }
      case 'freezeLeader': {
        await this.#freeze([leader])
        return
      }
      case 'freezeFollower': {
        await this.#freeze([follower])
        return
      }
      case 'freezeTwo': {
        await this.#freeze([leader, follower])
        return
      }
      case 'isolateLeader':
      case 'isolateFollower':
      case 'muteLeader':
      case 'deafLeader':
      case 'cutPair':
      case 'cutOneWay':
      case 'flap':
        await this.#cut(fault, leader)
        {
          await this.#hold()
          return
        }
      case 'fullDisk': {
        await this.#fillDisk()
        return
      }
      case 'replaceByVoter':
      case 'replaceByLearner':
      case 'removeRunning': {
        await this.#replace(this.#any(), fault)
        return
      }
      case 'rollingRestart': {
        await this.#restartAll()
        return
      }
    }
  }

  async #kill(victims: readonly Post[]): Promise<void> {
    for (const { machine } of victims) await machine.stop('SIGKILL')
    await this.#hold()
    for (const { machine } of victims) await machine.start()
  }

  async #freeze(victims: readonly Post[]): Promise<void> {
    for (const { machine } of victims) machine.freeze()
    await this.#hold()
    for (const { machine } of victims) machine.thaw()
  }

  /** Changes wires at once; only `flap` takes its time. */
  async #cut(fault: FaultKind, leader: Post): Promise<void> {
    const [follower, other] = this.#followers(leader)
    switch (fault) {
      case 'isolateLeader':
        this.#between(leader, [follower, other])
        break
      case 'isolateFollower':
        this.#between(follower, [leader, other])
        break
      case 'muteLeader':
        this.#wire(leader, follower)
        this.#wire(leader, other)
        break
      case 'deafLeader':
        this.#wire(follower, leader)
        this.#wire(other, leader)
        break
      case 'cutPair':
        this.#between(leader, [follower])
        break
      case 'cutOneWay':
        if (this.#choose(2) === 0) this.#wire(leader, follower)
        else this.#wire(follower, leader)
        break
      case 'flap':
        await this.#flap(leader)
        break
      default:
    }
  }

  async #flap(leader: Post): Promise<void> {
    const times = 3 + this.#choose(5)
    for (let time = 0; time < times; time++) {
      this.#between(leader, this.#parts.machines.others(leader))
      await delay(300 + this.#choose(1_200))
      this.#parts.machines.wires.heal()
      await delay(200 + this.#choose(500))
    }
  }

  async #fillDisk(): Promise<void> {
    const { machines } = this.#parts
    const post = machines.posts.find(({ machine }) => machine.name === smallMachine) ?? this.#any()
    if (this.#choose(2) === 0) await machines.moveLeader(post)
    await machines.disks.fill()
    await this.#hold()
    await this.#hold()
    await machines.disks.free()
    await post.machine.stop('SIGKILL')
    await post.machine.start()
  }

  /** Somebody new with an empty directory comes in the place of a member that is gone for ever. */
  async #replace(post: Post, how: 'replaceByVoter' | 'replaceByLearner' | 'removeRunning'): Promise<void> {
    const { machines } = this.#parts
    // Whoever is to be removed has to be spared by the wires, as the operator asks the others.
    machines.wires.heal()
    if (how !== 'removeRunning') await post.machine.stop('SIGKILL')
    await machines.remove(post)
    await this.#hold()
    await post.machine.stop('SIGKILL')
    await post.machine.wipe()
    const isLearner = how === 'replaceByLearner' || this.#choose(2) === 0
    await machines.add(post, isLearner)
    await post.machine.start(['--join', machines.contactsFor(post)])
    await post.machine.ready()
    if (isLearner) await machines.promote(post)
  }

  async #restartAll(): Promise<void> {
    // Whom the leader does not reach does not serve, and nobody would wait for it.
    this.#parts.machines.wires.heal()
    for (const { machine } of this.#parts.machines.posts) {
      await machine.stop('SIGTERM')
      await machine.start()
      await machine.ready()
    }
  }

  async #hold(): Promise<void> {
    await delay(this.#step?.holdMs)
  }

  #between(one: Post, others: readonly Post[]): void {
    for (const other of others) {
      this.#wire(one, other)
      this.#wire(other, one)
    }
  }

  #wire(from: Post, to: Post): void {
    const state: WireState = this.#choose(3) === 0 ? 'reset' : 'silent'
    this.#parts.machines.wires.set(from.machine.name, to.machine.name, state)
  }

  #followers(leader: Post): readonly [Post, Post] {
    const [one, two] = this.#parts.machines.others(leader)
    if (one === undefined || two === undefined) throw new Error('there are too few members')
    return this.#choose(2) === 0 ? [one, two] : [two, one]
  }

  #any(): Post {
    const { posts } = this.#parts.machines
    const post = posts[this.#choose(posts.length)]
    if (post === undefined) throw new Error('there is no member')
    return post
  }

  /** A number below a bound, the same for the same step. */
  #choose(bound: number): number {
    return (this.#step?.choice ?? 0) % bound
  }
}

async function within(ms: number, complaint: string, awaited: Promise<void>): Promise<void> {
  const late = new AbortController()
  const timeout = delay(ms, undefined, { signal: late.signal }).then(() => {
    throw new Error(`${complaint} within ${ms} ms`)
  })
  try {
    await Promise.race([awaited, timeout])
  } finally {
    late.abort()
    timeout.catch(() => {})
  }
}
