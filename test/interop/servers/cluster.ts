import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { etcdctl } from './etcdctl.ts'
import { freePorts } from '../../free-ports.ts'
import { type EtcdLikeServer, memoryDirectory } from './etcd.ts'
import { type OrreryOptions, startOrrery } from './orrery.ts'

/** A member of a cluster of reference servers: a place that processes come to and leave. */
export interface ClusterMember {
  readonly name: string
  readonly directory: string
  /** Host and port for the other members. */
  readonly peer: string
  /** Host and port for clients. */
  readonly endpoint: string
  /** The process that runs, or ran last. */
  readonly server: EtcdLikeServer
  /** Starts its process, again or for the first time. */
  start(options?: Pick<OrreryOptions, 'args' | 'healthy'>): Promise<void>
  stop(signal?: NodeJS.Signals): Promise<void>
}

/** What `etcdctl endpoint status` says of one member. */
export interface MemberStatus {
  readonly Endpoint: string
  readonly Status: {
    readonly header: { readonly member_id: string; readonly revision: number }
    readonly leader: string
    readonly isLearner?: boolean
    readonly raftAppliedIndex: number
  }
}

/** Reference servers that keep one store. */
export interface Cluster extends AsyncDisposable {
  readonly members: readonly ClusterMember[]
  /** All endpoints, as `etcdctl --endpoints` takes them. */
  readonly endpoint: string
  /** A place for one more, on ports of its own, that is not started. */
  place(name: string): Promise<ClusterMember>
  /** Waits until one leads, and all members that run agree. */
  leader(): Promise<ClusterMember>
}

/** Starts a cluster of `count` reference servers, and waits until all of them serve. */
export async function startCluster(
  count: number,
  options: { readonly args?: readonly string[] } = {},
): Promise<Cluster> {
  const root = await memoryDirectory('cluster')
  const places: ClusterMember[] = []
  const place = async (name: string): Promise<ClusterMember> => {
    const [peerPort = 0, clientPort = 0] = await freePorts(2)
    const member = new Place(name, join(root, name), peerPort, clientPort, options.args ?? [])
    places.push(member)
    return member
  }
  for (let n = 1; n <= count; n++) await place(`m${n}`)
  const members = places.slice()
  const initial = members.map(({ name, peer }) => `${name}=${peer}`).join(',')
  const dispose = async (): Promise<void> => {
    await Promise.all(places.map((member) => member.stop('SIGKILL')))
    await rm(root, { recursive: true, force: true })
  }
  const started = await Promise.allSettled(
    members.map((member) => member.start({ args: ['--initial-cluster', initial] })),
  )
  const failed = started.find((one) => one.status === 'rejected')
  if (failed !== undefined) {
    await dispose()
    throw failed.reason
  }
  return {
    members,
    endpoint: members.map(({ endpoint }) => endpoint).join(','),
    place,
    leader: () => leaderOf(members),
    [Symbol.asyncDispose]: dispose,
  }
}

/** Starts a cluster that is asked through one of its members, in place of a single server. */
export async function startClusterServer(count: number, asksLeader: boolean): Promise<EtcdLikeServer> {
  const cluster = await startCluster(count)
  const leader = await cluster.leader()
  const member = cluster.members.find((one) => (one === leader) === asksLeader) ?? leader
  return { ...member.server, [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose]() }
}

class Place implements ClusterMember {
  readonly name: string
  readonly directory: string
  readonly peer: string
  readonly endpoint: string
  readonly #port: number
  readonly #args: readonly string[]
  #server: EtcdLikeServer | undefined

  constructor(
    name: string,
    directory: string,
    peerPort: number,
    clientPort: number,
    args: readonly string[],
  ) {
    this.name = name
    this.directory = directory
    this.peer = `127.0.0.1:${peerPort}`
    this.endpoint = `127.0.0.1:${clientPort}`
    this.#port = clientPort
    this.#args = args
  }

  get server(): EtcdLikeServer {
    if (this.#server === undefined) throw new Error(`${this.name} was never started`)
    return this.#server
  }

  async start({ args = [], ...options }: Pick<OrreryOptions, 'args' | 'healthy'> = {}): Promise<void> {
    const { directory, peer, name } = this
    this.#server = await startOrrery({
      directory,
      peer,
      port: this.#port,
      args: ['--name', name, '--log-level', 'warn', ...this.#args, ...args],
      ...options,
    })
  }

  async stop(signal?: NodeJS.Signals): Promise<void> {
    await this.#server?.stop(signal)
  }
}

/** What each member that answers says. */
export async function statusOf(endpoint: string): Promise<readonly MemberStatus[]> {
  const { stdout } = await etcdctl({ endpoint }, ['endpoint', 'status', '-w', 'json'])
  return stdout === ''
    ? []
    : (JSON.parse(stdout.replaceAll(/(_id|leader)":(\d+)/g, '$1":"$2"')) as MemberStatus[])
}

async function leaderOf(members: readonly ClusterMember[]): Promise<ClusterMember> {
  const endpoint = members.map((member) => member.endpoint).join(',')
  for (;;) {
    const statuses = await statusOf(endpoint)
    const leaders = new Set(statuses.map(({ Status }) => Status.leader))
    const led = statuses.find(({ Status }) => Status.header.member_id === Status.leader)
    const member = members.find((one) => one.endpoint === led?.Endpoint)
    if (member !== undefined && leaders.size === 1) return member
  }
}
