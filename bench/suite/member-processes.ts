import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { Client, credentials, type MethodDefinition } from '@grpc/grpc-js'
import { kvDefinition, maintenanceDefinition } from '@orrery/adapter-etcd'
import { builtProgram } from './built-program.ts'
import { endWithThisProcess } from './child-process.ts'
import { freePort } from './etcd-peer.ts'

/** One member of a cluster, in a process of its own. */
export interface MemberProcess {
  /** host:port */
  readonly endpoint: string
  /** Undefined: it was never started. */
  readonly pid: number | undefined
  start(): Promise<void>
  kill(signal: NodeJS.Signals): Promise<void>
  /** @throws ServiceError */
  call<Request, Response>(
    method: MethodDefinition<Request, Response>,
    request: Request,
    timeoutMs: number,
  ): Promise<Response>
}

/** What a member says of itself. */
export interface MemberStanding {
  readonly memberId: bigint
  /** 0: nobody. */
  readonly leaderId: bigint
  readonly term: number
}

/** How a program is told to be a member. Addresses are host:port. */
type Command = (member: {
  readonly name: string
  readonly directory: string
  readonly client: string
  readonly peer: string
  /** Name and peer address of all members. */
  readonly members: readonly { readonly name: string; readonly peer: string }[]
}) => readonly [string, ...string[]]

const reference =
  (program: string): Command =>
  ({ name, directory, client, peer, members }) => [
    process.execPath,
    program,
    ...['--name', name, '--data-dir', directory, '--listen-client', client, '--listen-peer', peer],
    ...['--listen-eureka', 'off', '--listen-http', 'off'],
    ...[
      '--initial-cluster',
      members.map((one) => `${one.name}=${one.peer}`).join(','),
      '--log-level',
      'error',
    ],
  ]

const etcd: Command = ({ name, directory, client, peer, members }) => [
  'etcd',
  ...['--name', name, '--data-dir', directory, '--logger', 'zap', '--log-level', 'error'],
  ...['--listen-client-urls', `http://${client}`, '--advertise-client-urls', `http://${client}`],
  ...['--listen-peer-urls', `http://${peer}`, '--initial-advertise-peer-urls', `http://${peer}`],
  ...['--initial-cluster', members.map((one) => `${one.name}=http://${one.peer}`).join(',')],
  ...['--quota-backend-bytes', String(8 * 2 ** 30)],
]

/** Starts three members on loopback, durable, with default timings, and waits until all of them know a leader. */
export async function startMembers(
  program: 'reference' | 'etcd',
  directory: string,
): Promise<readonly MemberProcess[]> {
  const command =
    program === 'etcd' ? etcd : reference(await builtProgram('examples/reference-server/src/main.ts'))
  const members: { name: string; peer: string }[] = []
  for (const name of ['m1', 'm2', 'm3']) members.push({ name, peer: `127.0.0.1:${await freePort()}` })
  const processes: MemberProcess[] = []
  for (const { name, peer } of members) {
    const client = `127.0.0.1:${await freePort()}`
    const data = join(directory, `${program}-${name}`)
    processes.push(memberProcess(client, command({ name, directory: data, client, peer, members })))
  }
  await Promise.all(processes.map((member) => member.start()))
  await leaderOf(processes)
  return processes
}

function memberProcess(endpoint: string, [program, ...args]: readonly [string, ...string[]]): MemberProcess {
  const client = new Client(endpoint, credentials.createInsecure(), {
    'grpc.enable_retries': 0,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.min_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 200,
    'grpc.use_local_subchannel_pool': 1,
  })
  let child: ChildProcess | undefined
  return {
    endpoint,
    get pid() {
      return child?.pid
    },
    start: async () => {
      child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] })
      endWithThisProcess(child)
      await once(child, 'spawn')
    },
    kill: async (signal) => {
      if (child === undefined) return
      const ended = once(child, 'exit')
      child.kill(signal)
      await ended
    },
    call: ({ path, requestSerialize, responseDeserialize }, request, timeoutMs) =>
      new Promise((resolve, reject) => {
        const options = { deadline: Date.now() + timeoutMs }
        client.makeUnaryRequest(
          path,
          requestSerialize,
          responseDeserialize,
          request,
          options,
          (error, response) => {
            if (error === null && response !== undefined) resolve(response)
            else reject(error ?? new Error('neither response nor error'))
          },
        )
      }),
  }
}

/** What a member says; undefined: it does not answer. */
export async function standingOf(member: MemberProcess): Promise<MemberStanding | undefined> {
  try {
    const { header, leader, raftTerm } = await member.call(maintenanceDefinition.Status, {}, 1_000)
    return {
      memberId: BigInt(header?.memberId ?? 0),
      leaderId: BigInt(leader ?? 0),
      term: Number(raftTerm ?? 0),
    }
  } catch {
    return undefined
  }
}

/** Waits until all members answer and agree on who leads, and have answered a read. */
export async function leaderOf(members: readonly MemberProcess[]): Promise<MemberProcess> {
  for (;;) {
    const standings = await Promise.all(members.map(standingOf))
    const [first] = standings
    const at = standings.findIndex((standing) => standing?.memberId === first?.leaderId)
    const leader = members[at]
    const agree = standings.every(
      (standing) => standing !== undefined && standing.leaderId === first?.leaderId,
    )
    if (leader !== undefined && agree) {
      const reads = members.map((member) =>
        member.call(kvDefinition.Range, { key: Buffer.from('any') }, 5_000),
      )
      if ((await Promise.allSettled(reads)).every(({ status }) => status === 'fulfilled')) return leader
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
