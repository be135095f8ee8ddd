import { readdirSync } from 'node:fs'
import type { Registry } from 'prom-client'
import { Gauge } from 'prom-client'

const microsecondsPerSecond = 1_000_000

/**
 * Registers what dashboards of etcd show of its process. prom-client's own defaults start samplers that
 * outlive the registry, so these few are read when somebody asks.
 */
export function registerProcessMetrics(registry: Registry): void {
  const gauge = (name: string, help: string, read: () => number | undefined): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        const value = read()
        if (value !== undefined) this.set(value)
      },
    })
  }
  gauge('process_resident_memory_bytes', 'Resident memory.', () => process.memoryUsage.rss())
  gauge('process_cpu_seconds_total', 'User and system time.', () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / microsecondsPerSecond
  })
  const startTimeSeconds = Math.floor(Date.now() / 1_000 - process.uptime())
  gauge('process_start_time_seconds', 'When the process began.', () => startTimeSeconds)
  gauge('process_open_fds', 'Open file descriptors, where the system tells.', openFileDescriptors)
}

function openFileDescriptors(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return undefined
  }
}
