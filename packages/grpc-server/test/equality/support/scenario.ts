import {
  type ChannelCredentials,
  Client,
  type ClientOptions,
  credentials as channelCredentials,
  ServerCredentials,
  type ServerOptions,
} from '@grpc/grpc-js'
import { expect, test } from 'vitest'
import { Caller } from './caller.ts'
import { Journal } from './journal.ts'
import { RawConnection } from './raw-connection.ts'
import { createCandidate, createReference, type EitherServer, type ServerFactory } from './servers.ts'
import { equalityService, type Handlers, toImplementation } from './service.ts'

/** One server, one client and what the server's handlers saw. */
export interface World {
  readonly server: EitherServer
  readonly port: number
  /** Of the handlers and interceptors. It is part of the observation. */
  readonly journal: Journal
  readonly client: Client
  /** Makes calls with {@link client}. */
  readonly caller: Caller
  /** Another client with a connection of its own, perhaps to another port. */
  readonly connect: (options?: ClientOptions, port?: number) => Client
  /** A client that says in HTTP/2 what it likes. */
  readonly connectRaw: () => RawConnection
}

/** Something that happens between a client and a server. */
export interface Scenario {
  readonly serverOptions?: (journal: Journal) => ServerOptions
  readonly clientOptions?: ClientOptions
  readonly credentials?: { readonly server: ServerCredentials; readonly client: ChannelCredentials }
  /** Of the {@link equalityService}. */
  readonly handlers?: (journal: Journal) => Handlers
  /** Adds other services. */
  readonly addServices?: (server: EitherServer, journal: Journal) => void
  /** Events of handlers that are left out because chance decides about them; the scenario says why. */
  readonly byChance?: readonly string[]
  /** Resolves to what the client saw. */
  readonly run: (world: World) => Promise<unknown>
  /** What grpc-js shows, in part, so that two servers that do nothing are no success. */
  readonly shows: { readonly client?: unknown; readonly handler?: unknown }
}

/** Listens on a free port of the loopback interface. */
export function bind(
  server: EitherServer,
  credentials = ServerCredentials.createInsecure(),
): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', credentials, (error, port) => {
      if (error === null) resolve(port)
      else reject(error)
    })
  })
}

async function observe(create: ServerFactory, scenario: Scenario) {
  const journal = new Journal()
  const server = create(scenario.serverOptions?.(journal) ?? {})
  if (scenario.handlers !== undefined) {
    server.addService(equalityService, toImplementation(scenario.handlers(journal)))
  }
  scenario.addServices?.(server, journal)
  const port = await bind(server, scenario.credentials?.server)
  const clients: Client[] = []
  const raws: RawConnection[] = []
  const connect = (options: ClientOptions = {}, toPort = port): Client => {
    const client = new Client(
      `127.0.0.1:${toPort}`,
      scenario.credentials?.client ?? channelCredentials.createInsecure(),
      { 'grpc.use_local_subchannel_pool': 1, ...scenario.clientOptions, ...options },
    )
    clients.push(client)
    return client
  }
  const connectRaw = (): RawConnection => {
    const raw = new RawConnection(port)
    raws.push(raw)
    return raw
  }
  const client = connect()
  try {
    const caller = new Caller(client, port)
    const seen = await scenario.run({ server, port, journal, client, caller, connect, connectRaw })
    const handler = journal.entries.filter((entry) => {
      const [event] = typeof entry === 'string' ? [entry] : entry
      return scenario.byChance?.includes(event) !== true
    })
    return structuredClone({ client: seen, handler })
  } finally {
    for (const each of clients) each.close()
    for (const each of raws) each.close()
    server.forceShutdown()
  }
}

/** A test: what a client sees of a scenario is the same on both servers. */
export function sameOnBoth(name: string, scenario: Scenario): void {
  test(name, async () => {
    const reference = await observe(createReference, scenario)
    expect(reference).toMatchObject(scenario.shows)
    const candidate = await observe(createCandidate, scenario)
    expect(candidate).toEqual(reference)
  })
}

/** A scenario in which our server does better than grpc-js. */
export interface Difference extends Scenario {
  /** Why it does not do the same. */
  readonly because: string
  /** What it shows instead, in part. */
  readonly ours: Scenario['shows']
}

/** A test: what a client sees of a scenario differs, and is what we want. Once it is the same, the test fails. */
export function differsOnPurpose(name: string, scenario: Difference): void {
  test(`${name} (not as grpc-js: ${scenario.because})`, async () => {
    const reference = await observe(createReference, scenario)
    expect(reference).toMatchObject(scenario.shows)
    const candidate = await observe(createCandidate, scenario)
    expect(candidate).toMatchObject(scenario.ours)
    expect(candidate).not.toEqual(reference)
  })
}
