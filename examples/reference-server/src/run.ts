import { readFileSync } from 'node:fs'
import { once } from 'node:events'
import { systemEnvironment } from '@orrery/environment/system'
import { parseCommandLine } from './command-line.ts'
import { ServerError } from './errors.ts'
import { createLogger } from './logger.ts'
import type { ReferenceServerOptions } from './options.ts'
import { createReferenceServer } from './reference-server.ts'
import type { ReferenceServer } from './reference-server.ts'
import { helpText } from './usage.ts'
import { restoreServerStore, type ServerRestore } from './restore.ts'

/** What the program needs from its process. */
export interface RunHost {
  /** For people and scripts: what listens where, and the line that begins with `ready`. */
  readonly print: (text: string) => void
  /** For the one line that says why the program ends. */
  readonly complain: (text: string) => void
  /** Aborted when the server shall drain and end. */
  readonly stop: AbortSignal
}

/**
 * Runs the program.
 *
 * @param argv arguments without the program's name
 * @returns the exit code: 0 after draining, 1 when it cannot run, 2 when an option is wrong
 */
export async function run(argv: readonly string[], host: RunHost): Promise<0 | 1 | 2> {
  try {
    const command = parseCommandLine(argv)
    if (command.type === 'help') host.print(helpText())
    else if (command.type === 'version') host.print(`orrery reference server ${version()}\n`)
    else if (command.type === 'restore') await restore(command, host)
    else await serve(command.options, host)
    return 0
  } catch (error) {
    if (!(error instanceof ServerError)) throw error
    host.complain(`orrery: ${error.reason.replaceAll(/\s*\n\s*/g, ' ')}\n`)
    return error.code === 'SERVER_OPTION_INVALID' ? 2 : 1
  }
}

async function restore(command: ServerRestore, host: RunHost): Promise<void> {
  await restoreServerStore(command)
  const { dataDir, peer } = command
  const alone = peer === undefined ? 'start it with --listen-peer off' : 'start it without --restore'
  const next =
    peer?.initialCluster === undefined ? alone : 'restore its other members too, then start them all'
  host.print(`restored into ${dataDir}\n${next}\n`)
}

async function serve(options: ReferenceServerOptions, host: RunHost): Promise<void> {
  const environment = systemEnvironment({ logger: createLogger(options.logLevel) })
  const startedMs = environment.clock.nowMs()
  await using server = createReferenceServer(options, environment)
  try {
    await startOrStop(server, host.stop)
  } catch (error) {
    if (!host.stop.aborted) throw error
    environment.logger.info('stopped before it was ready')
    return
  }
  host.print(banner(options, server))
  host.print(`ready in ${String(Math.round(environment.clock.nowMs() - startedMs))} ms\n`)
  if (!host.stop.aborted) await once(host.stop, 'abort')
  environment.logger.info('stopping')
}

/** Starts the server; a member waits for the others, and stops waiting when it shall end. */
async function startOrStop(server: ReferenceServer, stop: AbortSignal): Promise<void> {
  const close = (): void => void server.close()
  stop.addEventListener('abort', close, { once: true })
  try {
    await server.start()
  } finally {
    stop.removeEventListener('abort', close)
  }
}

function banner(options: ReferenceServerOptions, server: ReferenceServer): string {
  const lines = [
    `orrery ${version()}, member ${options.name}`,
    `  store         ${options.dataDir ?? 'in memory'}`,
  ]
  const { client, eureka, http, peer } = server.endpoints
  if (peer !== undefined) lines.push(`  members       ${peer}`)
  const tries: string[] = []
  if (client !== undefined) {
    lines.push(`  etcd clients  ${client}  gRPC and JSON`)
    tries.push(`  etcdctl --endpoints=${new URL(client).host} put hello world`)
  }
  if (eureka !== undefined) {
    lines.push(`  Eureka        ${eureka}/eureka  JSON and XML`)
    tries.push(`  curl -H 'Accept: application/json' ${eureka}/eureka/apps`)
  }
  if (http !== undefined) {
    lines.push(`  registry      ${http}/v1  HTTP and JSON`)
    tries.push(`  curl '${http}/v1/services'`)
  }
  if (http !== undefined && options.configHub !== undefined) {
    lines.push(`  configuration ${http}/config/v1  HTTP and JSON`)
    tries.push(`  curl '${http}/config/v1/groups'`)
  }
  return `${[...lines, '', 'Try:', ...tries, ''].join('\n')}\n`
}

function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  return manifest !== null && typeof manifest === 'object' && 'version' in manifest
    ? String(manifest.version)
    : 'unknown'
}
