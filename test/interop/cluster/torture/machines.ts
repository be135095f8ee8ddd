import { setTimeout as delay } from 'node:timers/promises'
import { clusterDefinition, type etcdserverpb, maintenanceDefinition } from '@orrery/adapter-etcd'
import { freePorts } from '../../../free-ports.ts'
import { Disks } from './disks.ts'
import { EtcdClient } from './etcd-client.ts'
import { Machine } from './machine.ts'
import { Wires } from './wires.ts'

const statusTimeoutMs = 700
const administrationTimeoutMs = 5_000
/** How long an operator goes on to ask for a change of the membership. Unit: ms. */
const changePatienceMs = 60_000

/** One member's place, and the operator's line to it. */
export interface Post {
  readonly machine: Machine
  readonly client: EtcdClient
}

/** Three members with wires that can be cut, seen by who operates them. */
export class Machines implements AsyncDisposable {
  readonly posts: readonly Post[]
  readonly wires: Wires
  readonly disks: Disks

  private constructor(posts: readonly Post[], wires: Wires, disks: Disks) {
    this.posts = posts
    this.wires = wires
    this.disks = disks
  }

  /** Starts a cluster, and waits until all of it serves. */
  static async start(): Promise<Machines> {
    const disks = await Disks.create()
    const wires = new Wires()
    const posts: Post[] = []
    for (const name of ['m1', 'm2', 'm3']) {
      const [peerPort = 0, clientPort = 0] = await freePorts(2)
      const listen = `127.0.0.1:${peerPort}`
      const endpoint = `127.0.0.1:${clientPort}`
      const peer = await wires.relay(name, listen)
      const machine = new Machine({ name, directory: disks.directoryOf(name), listen, peer, endpoint })
      posts.push({ machine, client: new EtcdClient(name, endpoint) })
    }
    const machines = new Machines(posts, wires, disks)
    const initial = posts.map(({ machine: { name, peer } }) => `${name}=${peer}`).join(',')
    try {
      for (const { machine } of posts) await machine.start(['--initial-cluster', initial])
      for (const { machine } of posts) await machine.ready()
      await machines.#identifyAll()
    } catch (error) {
      await machines[Symbol.asyncDispose]()
      throw error
    }
    return machines
  }

  others(than: Post): readonly Post[] {
    return this.posts.filter((post) => post !== than)
  }

  /** Who leads as far as members tell that answer, by the latest term; undefined: nobody does. */
  async leader(): Promise<Post | undefined> {
    const seen = await Promise.all(this.posts.map((post) => this.statusOf(post)))
    const [latest] = seen
      .filter((status) => status !== undefined && Number(status.leader ?? 0) !== 0)
      .sort((a, b) => Number(b?.raftTerm ?? 0) - Number(a?.raftTerm ?? 0))
    const at = seen.findIndex(
      (status) => status !== undefined && status.header?.memberId === latest?.leader && latest !== undefined,
    )
    return this.posts[at]
  }

  async statusOf(
    { client }: Post,
    timeoutMs = statusTimeoutMs,
  ): Promise<etcdserverpb.StatusResponse | undefined> {
    return await client.call(maintenanceDefinition.Status, {}, timeoutMs).catch(() => undefined)
  }

  /** Lets another member lead, if it can be. */
  async moveLeader(to: Post): Promise<void> {
    const leader = await this.leader()
    const id = (await this.statusOf(to))?.header?.memberId
    if (leader === undefined || leader === to || id === undefined) return
    await leader.client
      .call(maintenanceDefinition.MoveLeader, { targetID: id }, administrationTimeoutMs)
      .catch(() => undefined)
  }

  /** Removes a member by way of the others. */
  async remove(post: Post): Promise<void> {
    await this.#insist(`remove ${post.machine.name}`, this.others(post), async (client) => {
      const id = await memberIdAt(client, post.machine.peer)
      if (id !== undefined)
        await client.call(clusterDefinition.MemberRemove, { ID: id }, administrationTimeoutMs)
    })
  }

  /** Makes a place for a member by way of the others. */
  async add(post: Post, isLearner: boolean): Promise<void> {
    await this.#insist(`add ${post.machine.name}`, this.others(post), async (client) => {
      const found = await memberIdAt(client, post.machine.peer)
      const request = { peerURLs: [`http://${post.machine.peer}`], isLearner }
      const id =
        found ?? (await client.call(clusterDefinition.MemberAdd, request, administrationTimeoutMs)).member?.ID
      if (id !== undefined && id !== null) this.wires.identify(BigInt(id), post.machine.name)
    })
  }

  /** Makes a voter of a learner, once it has caught up. */
  async promote(post: Post): Promise<void> {
    await this.#insist(`promote ${post.machine.name}`, this.others(post), async (client) => {
      const { members } = await client.call(
        clusterDefinition.MemberList,
        { linearizable: true },
        administrationTimeoutMs,
      )
      const member = members?.find((one) => one.peerURLs?.includes(`http://${post.machine.peer}`) === true)
      if (member?.isLearner === false) return
      await client.call(clusterDefinition.MemberPromote, { ID: member?.ID }, administrationTimeoutMs)
    })
  }

  /** Where a member that joins asks. */
  contactsFor(post: Post): string {
    return this.others(post)
      .map(({ machine }) => machine.peer)
      .join(',')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { client } of this.posts) client.close()
    await Promise.all(this.posts.map(({ machine }) => machine.stop('SIGKILL')))
    await this.wires[Symbol.asyncDispose]()
    await this.disks[Symbol.asyncDispose]()
  }

  async #identifyAll(): Promise<void> {
    for (const post of this.posts) {
      // The first call to a process that has just begun.
      const id = (await this.statusOf(post, administrationTimeoutMs))?.header?.memberId
      if (id === undefined || id === null) throw new Error(`${post.machine.name} does not say who it is`)
      this.wires.identify(BigInt(id), post.machine.name)
    }
  }

  /** Asks one after the other until one has done it. */
  async #insist(
    what: string,
    posts: readonly Post[],
    ask: (client: EtcdClient) => Promise<void>,
  ): Promise<void> {
    const deadline = performance.now() + changePatienceMs
    for (let at = 0; ; at++) {
      try {
        const client = posts[at % posts.length]?.client
        if (client !== undefined) await ask(client)
        return
      } catch (error) {
        if (performance.now() > deadline)
          throw new Error(`cannot ${what}: ${String(error)}`, { cause: error })
        await delay(200)
      }
    }
  }
}

async function memberIdAt(client: EtcdClient, peer: string): Promise<number | bigint | undefined> {
  const { members } = await client.call(
    clusterDefinition.MemberList,
    { linearizable: true },
    administrationTimeoutMs,
  )
  return members?.find(({ peerURLs }) => peerURLs?.includes(`http://${peer}`) === true)?.ID ?? undefined
}
