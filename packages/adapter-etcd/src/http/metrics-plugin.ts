import type { FastifyInstance } from 'fastify'
import type { EtcdMetrics } from '../metrics/etcd-metrics.ts'

/** Options of {@link etcdMetricsPlugin}. */
export interface EtcdMetricsOptions {
  readonly metrics: EtcdMetrics
}

/** A Fastify plugin: `GET /metrics` for Prometheus. */
export function etcdMetricsPlugin(
  fastify: FastifyInstance,
  { metrics }: EtcdMetricsOptions,
  done: (error?: Error) => void,
): void {
  fastify.get('/metrics', async (_request, reply) => {
    const text = await metrics.expose()
    return reply.type(metrics.contentType).send(text)
  })
  done()
}
