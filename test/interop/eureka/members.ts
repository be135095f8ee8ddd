import { join } from 'node:path'
import type { RegistryStats } from '@orrery/registry'
import { freePorts } from '../../free-ports.ts'
import { type EtcdLikeServer, memoryDirectory } from '../servers/etcd.ts'
import { startOrrery } from '../servers/orrery.ts'
import { type Together, startTogether } from '../servers/together.ts'

/** A reference server that keeps a registry together with others. */
export interface RegistryMember {
  readonly name: string
  /** Where Eureka clients are told that it is. */
  readonly eurekaUrl: string
  /** Starts its process, again or for the first time. */
  start(): Promise<void>
  /** Ends its process without a word. */
  kill(): Promise<void>
  /** Asks its HTTP API. @param path below `/v1` */
  ask(path: string, init?: RequestInit): Promise<ApiAnswer>
  /** What it has counted since it was started. */
  stats(): Promise<RegistryStats>
}

/** What the HTTP API of a member says. */
export interface ApiAnswer {
  readonly status: number
  /** Undefined: there is none. */
  readonly body: unknown
}

/** Reference servers with one registry. */
export type RegistryCluster = Together<RegistryMember>

/** Starts three members, and waits until all of them serve. */
export async function startThreeMembers(): Promise<RegistryCluster> {
  const root = await memoryDirectory('eureka')
  const names = ['m1', 'm2', 'm3'] as const
  const ports = await freePorts(4 * names.length)
  const addresses = names.map((_, at) => addressesOf(ports.slice(4 * at)))
  const initialCluster = names.map((name, at) => `${name}=${addresses[at]?.peer ?? ''}`).join(',')
  const members = addresses.map(
    (own, at) => new Member({ ...own, name: names[at] ?? '', root, initialCluster }),
  )
  return await startTogether(root, members)
}

interface Addresses {
  readonly clientPort: number
  readonly peer: string
  readonly eureka: string
  readonly http: string
}

function addressesOf([client = 0, peer = 0, eureka = 0, http = 0]: readonly number[]): Addresses {
  const on = (port: number): string => `127.0.0.1:${port}`
  return { clientPort: client, peer: on(peer), eureka: on(eureka), http: on(http) }
}

interface Place extends Addresses {
  readonly name: string
  readonly root: string
  readonly initialCluster: string
}

class Member implements RegistryMember {
  readonly name: string
  readonly eurekaUrl: string
  readonly #place: Place
  #server: EtcdLikeServer | undefined

  constructor(place: Place) {
    this.name = place.name
    this.eurekaUrl = `http://${place.eureka}/eureka/v2/apps/`
    this.#place = place
  }

  async start(): Promise<void> {
    const { name, root, clientPort, peer, eureka, http, initialCluster } = this.#place
    this.#server = await startOrrery({
      directory: join(root, name),
      port: clientPort,
      peer,
      registry: true,
      args: [
        ...['--name', name, '--initial-cluster', initialCluster, '--log-level', 'warn'],
        // The listeners of a member that is killed would expire among what is counted here.
        ...['--listen-eureka', eureka, '--listen-http', http, '--no-self-registration'],
      ],
    })
  }

  async kill(): Promise<void> {
    await this.#server?.stop('SIGKILL')
  }

  async ask(path: string, init: RequestInit = {}): Promise<ApiAnswer> {
    const headers = init.body === undefined ? {} : { 'content-type': 'application/json' }
    const response = await fetch(`http://${this.#place.http}/v1${path}`, { headers, ...init })
    const text = await response.text()
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
  }

  async stats(): Promise<RegistryStats> {
    const { body } = await this.ask('/stats')
    return body as RegistryStats
  }
}
