import { join } from 'node:path'
import { freePorts } from '../../free-ports.ts'
import { type EtcdLikeServer, memoryDirectory } from '../servers/etcd.ts'
import { startOrrery } from '../servers/orrery.ts'
import { type Together, startTogether } from '../servers/together.ts'

/** A reference server that keeps a configuration hub together with others. */
export interface ConfigMember {
  readonly name: string
  /** Of the hub's HTTP API, with its version. */
  readonly url: string
  /** Starts its process, again or for the first time. */
  start(): Promise<void>
  /** Ends its process without a word. */
  kill(): Promise<void>
}

/** Reference servers on one store. */
export type ConfigCluster = Together<ConfigMember>

/** Starts three members that keep all releases, and waits until all of them serve. */
export async function startThreeMembers(): Promise<ConfigCluster> {
  const root = await memoryDirectory('config')
  const names = ['m1', 'm2', 'm3'] as const
  const ports = await freePorts(3 * names.length)
  const places = names.map((name, at): Place => {
    const [client = 0, peer = 0, http = 0] = ports.slice(3 * at)
    const directory = join(root, name)
    return { name, directory, client, peer: `127.0.0.1:${peer}`, http: `127.0.0.1:${http}` }
  })
  const initialCluster = places.map(({ name, peer }) => `${name}=${peer}`).join(',')
  const members = places.map((place) => new Member(place, initialCluster))
  return await startTogether(root, members)
}

interface Place {
  readonly name: string
  readonly directory: string
  readonly client: number
  readonly peer: string
  readonly http: string
}

class Member implements ConfigMember {
  readonly name: string
  readonly url: string
  readonly #place: Place
  readonly #initialCluster: string
  #server: EtcdLikeServer | undefined

  constructor(place: Place, initialCluster: string) {
    this.name = place.name
    this.url = `http://${place.http}/config/v1`
    this.#place = place
    this.#initialCluster = initialCluster
  }

  async start(): Promise<void> {
    const { name, directory, client, peer, http } = this.#place
    this.#server = await startOrrery({
      ...{ directory, port: client, peer, registry: true },
      args: [
        ...['--name', name, '--initial-cluster', this.#initialCluster, '--log-level', 'warn'],
        ...['--listen-eureka', 'off', '--listen-http', http, '--no-self-registration'],
        ...['--config-releases-max', '1000000'],
      ],
    })
  }

  async kill(): Promise<void> {
    await this.#server?.stop('SIGKILL')
  }
}
