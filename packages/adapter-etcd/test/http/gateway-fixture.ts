import type { Environment } from '@orrery/environment'
import { systemEnvironment } from '@orrery/environment/system'
import { createRecordingLogger } from '@orrery/environment/testing'
import type { RecordingLogger } from '@orrery/environment/testing'
import type { Store } from '@orrery/store'
import { createMemoryStore } from '@orrery/store'
import { fastify } from 'fastify'
import type { FastifyInstance } from 'fastify'
import {
  createEtcdMetrics,
  etcdGatewayPlugin,
  etcdHealthPlugin,
  etcdMetricsPlugin,
  etcdServices,
} from '../../src/index.ts'
import type { EtcdServices } from '../../src/index.ts'

/** A host's server with everything that this package mounts over HTTP, on a store in memory. */
export interface GatewayFixture {
  readonly store: Store
  readonly http: FastifyInstance
  readonly logger: RecordingLogger
  /** Answers `POST path`. */
  post(path: string, body: unknown): Promise<{ readonly status: number; readonly body: unknown }>
  /** Listens on a free port; gives `http://127.0.0.1:port`. */
  listen(): Promise<string>
  close(): Promise<void>
}

export interface GatewayFixtureOptions {
  readonly bodyMaxBytes?: number
  /** Replaces some services. */
  readonly services?: Partial<EtcdServices>
}

export async function createGatewayFixture(options: GatewayFixtureOptions = {}): Promise<GatewayFixture> {
  const logger = createRecordingLogger()
  const environment: Environment = systemEnvironment({ logger })
  const store = createMemoryStore({ environment })
  const metrics = createEtcdMetrics({ store })
  const services = metrics.meter({ ...etcdServices({ store, environment }), ...options.services })
  const http = fastify()
  await http.register(etcdGatewayPlugin, { services, logger, bodyMaxBytes: options.bodyMaxBytes })
  await http.register(etcdHealthPlugin, { store, onHealthChecked: metrics.healthChecked })
  await http.register(etcdMetricsPlugin, { metrics })
  await http.ready()
  return {
    store,
    http,
    logger,
    post: async (path, body) => {
      const payload = typeof body === 'string' ? body : JSON.stringify(body)
      const response = await http.inject({ method: 'POST', url: path, payload })
      return { status: response.statusCode, body: JSON.parse(response.body) as unknown }
    },
    listen: () => http.listen({ host: '127.0.0.1', port: 0 }),
    close: async () => {
      await http.close()
      await store.close()
    },
  }
}

export const base64 = (text: string): string => Buffer.from(text).toString('base64')
