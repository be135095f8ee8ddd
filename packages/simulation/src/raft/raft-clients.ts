import type { Random } from '@orrery/environment'
import type { Operation } from '../checkers/linearizability.ts'
import type { RegisterInput, RegisterOutput } from '../checkers/models.ts'
import { chance, exponential, pick } from '../time/draw.ts'
import type { Simulation } from '../time/simulation.ts'
import type { RaftCounters } from './coverage.ts'
import type { RaftLoad } from './raft-faults.ts'
import type { CommandResult } from './registers.ts'
import type { SimulatedMember } from './simulated-member.ts'

/** Somebody who uses the cluster, one request at a time. */
interface Client {
  readonly number: number
  readonly random: Random
  sequence: number
  member: SimulatedMember | undefined
  /** By key: what it last saw. */
  readonly seen: Map<string, number>
}

interface Request {
  readonly client: Client
  readonly input: RegisterInput
  readonly calledAt: number
  readonly sequence: number
  returnedAt: number | undefined
  output: RegisterOutput | undefined
  /** It certainly had no effect. */
  isRefused: boolean
}

/** Where requests go. */
export interface RaftService {
  readonly simulation: Simulation
  readonly counters: RaftCounters
  /** Who may be asked. */
  readonly members: () => readonly SimulatedMember[]
}

/** Clients of replicated registers. What they see is a history. */
export class RaftClients {
  readonly #service: RaftService
  readonly #load: RaftLoad
  readonly #random: Random
  readonly #requests: Request[] = []
  /** When a command first took effect, and with what result. */
  readonly #effects = new Map<string, { readonly atMs: number; readonly output: RegisterOutput }>()
  #clients = 0
  #values = 0
  #isStopped = false

  constructor(service: RaftService, load: RaftLoad) {
    this.#service = service
    this.#load = load
    this.#random = service.simulation.random.fork('clients')
  }

  start(): void {
    for (let n = 0; n < this.#load.clients; n++) this.#think(this.#createClient())
  }

  /** Begins no more requests. */
  stop(): void {
    this.#isStopped = true
  }

  /** Writes through `leader` and then reads through `member`, until both are answered. */
  probe(leader: () => SimulatedMember | undefined, member: SimulatedMember, onDone: () => void): void {
    const client = this.#createClient()
    const again = (attempt: () => void): void => void this.#service.simulation.schedule(200, attempt)
    const read = (): void => {
      client.member = member
      this.#request(client, { type: 'read', key: '0' }, (isAnswered) => (isAnswered ? onDone() : again(read)))
    }
    const write = (): void => {
      client.member = leader()
      const input = { type: 'write', key: '0', value: ++this.#values } as const
      this.#request(client, input, (isAnswered) => (isAnswered ? read() : again(write)))
    }
    write()
  }

  /** To be told of every command that takes effect at any member. */
  onEffect({ client, sequence, output }: CommandResult): void {
    const name = `${client} ${sequence}`
    if (!this.#effects.has(name)) this.#effects.set(name, { atMs: this.#service.simulation.nowMs, output })
  }

  /**
   * What happened. Where a client does not know what became of its request, the cluster does: it took effect
   * before anybody applied it, or, once the cluster has come to rest, never.
   */
  history(): readonly Operation<RegisterInput, RegisterOutput>[] {
    return this.#requests.flatMap((request) => {
      const { client, input, calledAt, sequence, returnedAt, output, isRefused } = request
      if (isRefused) return []
      if (returnedAt !== undefined) return [{ input, calledAt, returnedAt, output }]
      const effect = input.type === 'read' ? undefined : this.#effects.get(`${client.number} ${sequence}`)
      return effect === undefined ? [] : [{ input, calledAt, returnedAt: effect.atMs, output: effect.output }]
    })
  }

  #createClient(): Client {
    const number = this.#clients++
    const random = this.#random.fork(`${number}`)
    return { number, random, sequence: 0, member: undefined, seen: new Map() }
  }

  #think(client: Client): void {
    this.#service.simulation.schedule(exponential(client.random, this.#load.thinkMeanMs), () => {
      if (this.#isStopped) return
      this.#choose(client)
      this.#request(client, this.#drawInput(client), () => this.#think(client))
    })
  }

  /** Clients stay with their member, most of the time, and prefer the leader, if somebody knows it. */
  #choose(client: Client): void {
    const { random, member } = client
    const isServing = member?.node.state === 'running' && member.raft?.leaderId !== 0n
    if (isServing && !chance(random, 0.05)) return
    const members = this.#service.members()
    const somebody = pick(random, members)
    const leader = members.find(({ id }) => id === somebody?.raft?.leaderId)
    client.member = chance(random, 0.5) ? (leader ?? somebody) : somebody
  }

  #drawInput({ random, seen }: Client): RegisterInput {
    const key = String(random.below(this.#load.keys))
    const dice = random.float()
    if (dice < this.#load.readRatio) return { type: 'read', key }
    const value = ++this.#values
    if (dice < this.#load.readRatio + this.#load.casRatio) {
      return { type: 'cas', key, expected: seen.get(key) ?? 0, value }
    }
    return { type: 'write', key, value }
  }

  /** @param onOver told once whether there was an answer */
  #request(client: Client, input: RegisterInput, onOver: (isAnswered: boolean) => void): void {
    const { simulation, counters } = this.#service
    const request: Request = {
      client,
      input,
      calledAt: simulation.nowMs,
      sequence: ++client.sequence,
      returnedAt: undefined,
      output: undefined,
      isRefused: false,
    }
    this.#requests.push(request)
    let isOver = false
    const end = (isAnswered: boolean): void => {
      if (isOver) return
      isOver = true
      patience.cancel()
      if (!isAnswered) client.member = undefined
      onOver(isAnswered)
    }
    const patience = simulation.schedule(this.#load.patienceMs, () => {
      if (input.type !== 'read') counters.unknownOutcomes++
      end(false)
    })
    const answer = (output: RegisterOutput): void => {
      if (isOver) return
      request.output = output
      request.returnedAt = simulation.nowMs
      counters[input.type === 'read' ? 'answeredReads' : 'acknowledgedWrites']++
      this.#remember(client, input, output)
      end(true)
    }
    const refuse = (): void => {
      request.isRefused = true
      simulation.schedule(20 + exponential(client.random, 50), () => end(false))
    }
    const { member } = client
    if (member === undefined) refuse()
    else member.node.schedule(client.random.float(), () => submit(member, request, answer, refuse))
  }

  #remember({ seen }: Client, input: RegisterInput, output: RegisterOutput): void {
    if (input.type === 'read') seen.set(input.key, Number(output))
    else if (output === true) seen.set(input.key, input.value)
  }
}

function submit(
  member: SimulatedMember,
  { client, sequence, input }: Request,
  answer: (output: RegisterOutput) => void,
  refuse: () => void,
): void {
  const isAccepted =
    input.type === 'read'
      ? member.read({ key: input.key, answer, refuse })
      : member.propose({ client: client.number, sequence, input }, answer)
  if (!isAccepted) refuse()
}
