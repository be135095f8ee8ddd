import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseCommandLine } from '../src/command-line.ts'
import { parseConfig } from '../src/config-file.ts'
import { formatListenAddress, parseListenAddress } from '../src/listen-address.ts'
import { optionsSchema, type ReferenceServerOptions } from '../src/options.ts'
import { helpText } from '../src/usage.ts'
import { alone } from './server-options.ts'

let directory: string

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'orrery-options-'))
})
afterAll(() => {
  rmSync(directory, { recursive: true })
})

function configFile(text: string): string {
  const path = join(directory, 'config.yaml')
  writeFileSync(path, text)
  return path
}

function optionsOf(...argv: readonly string[]): ReferenceServerOptions {
  const command = parseCommandLine(argv)
  if (command.type !== 'serve') throw new Error(`not serving but ${command.type}`)
  return command.options
}

const registry = {
  listenEureka: { host: '127.0.0.1', port: 8761 },
  listenHttp: { host: '127.0.0.1', port: 8090 },
  eurekaNamespace: 'default',
  hasSelfRegistration: true,
  configHub: {
    keyFile: undefined,
    contentMaxBytes: 1_048_576,
    releasesMaxItems: 100,
    auditMaxAgeMs: 31_536_000_000,
  },
  connectionLimits: { totalMax: Infinity, perHostMax: Infinity, allow: [] },
}
const defaults: ReferenceServerOptions = {
  name: 'default',
  dataDir: 'default.orrery',
  logLevel: 'info',
  listenClient: { host: '127.0.0.1', port: 2379 },
  grpcServer: 'fast',
  ...registry,
  autoCompaction: undefined,
  peer: { ...alone, listen: { host: '127.0.0.1', port: 2380 } },
}

describe('the command line', () => {
  test('needs nothing', () => {
    expect(optionsOf()).toEqual(defaults)
  })

  test('chooses what serves gRPC', () => {
    expect(optionsOf('--grpc-server', 'grpc-js').grpcServer).toBe('grpc-js')
    expect(() => optionsOf('--grpc-server', 'other')).toThrow('--grpc-server: expected one of fast, grpc-js')
  })

  test('names the data directory after the member', () => {
    expect(optionsOf('--name', 'a1')).toMatchObject({ name: 'a1', dataDir: 'a1.orrery' })
    expect(optionsOf('--name=a1', '--data-dir=/srv/x')).toMatchObject({ dataDir: '/srv/x' })
    expect(optionsOf('--memory').dataDir).toBeUndefined()
  })

  test('accepts off where a protocol does not exist yet', () => {
    expect(optionsOf('--listen-grpc', 'off', '--listen-xds=off')).toEqual(defaults)
  })

  test('describes a cluster that begins, and one to join', () => {
    expect(
      optionsOf(
        '--name=b',
        '--initial-cluster=a=h1:2380,b=h2:2380,b=[::1]:2381',
        '--listen-peer=0.0.0.0:2380',
      ).peer,
    ).toEqual({
      ...alone,
      listen: { host: '0.0.0.0', port: 2380 },
      initialCluster: new Map([
        ['a', ['h1:2380']],
        ['b', ['h2:2380', '[::1]:2381']],
      ]),
    })
    expect(optionsOf('--join', 'h1:2380, h2:2380').peer).toMatchObject({ join: ['h1:2380', 'h2:2380'] })
    expect(optionsOf('--advertise-peer=h1:1,h2:2').peer).toMatchObject({ advertise: ['h1:1', 'h2:2'] })
    const members = '--initial-cluster=default=h:1,default=h:2'
    expect(optionsOf(members, '--advertise-peer=h:2,h:1').peer?.advertise).toEqual(['h:2', 'h:1'])
    const tls = ['--peer-cert-file=c', '--peer-key-file=k', '--peer-trusted-ca-file=t']
    expect(optionsOf(...tls).peer?.tls).toEqual({ certFile: 'c', keyFile: 'k', trustedCaFile: 't' })
  })

  test('says when members compare what they hold, and when one goes on alone', () => {
    const check = ['--initial-corrupt-check', '--corrupt-check-time=4h', '--compact-hash-check-time', '1m']
    expect(optionsOf(...check).peer).toEqual({
      ...alone,
      listen: { host: '127.0.0.1', port: 2380 },
      corruptionCheck: { atStart: true, intervalMs: 14_400_000, compactionIntervalMs: 60_000 },
    })
    expect(optionsOf('--force-new-cluster').peer?.forceNewCluster).toBe(true)
    expect(optionsOf('--member-thread').peer?.hasThread).toBe(true)
  })

  test.each([
    ['10', { type: 'periodic', retentionMs: 36_000_000 }],
    ['1h30m', { type: 'periodic', retentionMs: 5_400_000 }],
    ['1.5s250ms', { type: 'periodic', retentionMs: 1_750 }],
    ['0', undefined],
    ['0s', undefined],
  ])('keeps %s of the history', (retention, mode) => {
    expect(optionsOf('--auto-compaction-retention', retention).autoCompaction).toEqual(mode)
  })

  test('keeps so many revisions of the history', () => {
    const revision = ['--auto-compaction-mode=revision', '--auto-compaction-retention']
    expect(optionsOf(...revision, '1000').autoCompaction).toEqual({
      type: 'revision',
      retainedRevisions: 1_000,
    })
    expect(optionsOf(...revision, '0').autoCompaction).toBeUndefined()
    expect(optionsOf('--memory', '--auto-compaction-retention=1h').autoCompaction).toBeDefined()
  })

  test('serves the registry unless it is told otherwise', () => {
    expect(
      optionsOf(
        ...['--listen-eureka=[::1]:0', '--listen-http', '0.0.0.0:80', '--listen-client=off'],
        ...['--eureka-namespace=prod', '--no-self-registration', '--start-in-order'],
      ),
    ).toMatchObject({
      listenClient: 'off',
      listenEureka: { host: '::1', port: 0 },
      listenHttp: { host: '0.0.0.0', port: 80 },
      eurekaNamespace: 'prod',
      hasSelfRegistration: false,
      peer: { startsInOrder: true },
    })
    expect(optionsOf('--listen-eureka=off', '--listen-http=off')).toEqual({
      ...defaults,
      listenEureka: 'off',
      listenHttp: 'off',
      configHub: undefined,
    })
    expect(optionsOf('--listen-http=off', '--listen-peer=off').listenHttp).toBe('off')
    expect(optionsOf('--listen-http=off', '--memory').listenHttp).toBe('off')
  })

  test('has a configuration hub unless it is told otherwise, or nobody could ask it', () => {
    expect(
      optionsOf(
        ...['--config-hub=on', '--config-keys', 'keys.json', '--config-content-max=4096'],
        ...['--config-releases-max', '2', '--config-audit-retention=0'],
      ).configHub,
    ).toEqual({
      keyFile: 'keys.json',
      contentMaxBytes: 4_096,
      releasesMaxItems: 2,
      auditMaxAgeMs: Infinity,
    })
    expect(optionsOf('--config-audit-retention=24h').configHub?.auditMaxAgeMs).toBe(86_400_000)
    expect(optionsOf('--config-hub', 'off').configHub).toBeUndefined()
    expect(optionsOf('--memory', '--listen-http=off').configHub).toBeUndefined()
    const file = configFile('config-hub: off\nlisten-http: 127.0.0.1:0\n')
    expect(optionsOf('--config', file).configHub).toBeUndefined()
  })

  test('says how members bring each other heartbeats', () => {
    expect(optionsOf('--advertise-http', 'h1:80').peer?.advertiseHttp).toBe('h1:80')
    const redisOf = (text: string) =>
      optionsOf('--heartbeat-redis', text, '--listen-http=off').peer?.heartbeatRedis
    expect(redisOf('h:6379')).toBe('redis://h:6379')
    expect(redisOf('[::1]:6379')).toBe('redis://[::1]:6379')
    expect(redisOf('rediss://u:p@h/1')).toBe('rediss://u:p@h/1')
  })

  test('limits connections', () => {
    expect(
      optionsOf(
        '--connections-max=10000',
        '--connections-per-host-max',
        '64',
        '--connections-allow=10.0.0.0/8, ::1',
      ).connectionLimits,
    ).toEqual({ totalMax: 10_000, perHostMax: 64, allow: ['10.0.0.0/8', '::1'] })
    expect(optionsOf('--connections-max=0', '--connections-allow=').connectionLimits).toEqual(
      registry.connectionLimits,
    )
  })

  test('restores a store of one process, or a member', () => {
    expect(parseCommandLine(['--restore', 'f', '--listen-peer', 'off'])).toEqual({
      type: 'restore',
      file: 'f',
      name: 'default',
      dataDir: 'default.orrery',
      peer: undefined,
    })
    expect(parseCommandLine(['--restore', 'f', '--name=b', '--initial-cluster=a=h:1,b=h:2'])).toMatchObject({
      name: 'b',
      dataDir: 'b.orrery',
      peer: {
        initialCluster: new Map([
          ['a', ['h:1']],
          ['b', ['h:2']],
        ]),
      },
    })
  })

  test('has no other members in memory, or when that is off', () => {
    expect(optionsOf('--memory').peer).toBeUndefined()
    expect(optionsOf('--listen-peer', 'off')).toEqual({ ...defaults, peer: undefined })
  })

  test.each([
    [['--nmae', 'x'], "Unknown option '--nmae' (see --help)"],
    [['serve'], "Unexpected argument 'serve'"],
    [['--name'], "Option '--name <value>' argument missing (see --help)"],
    [['--memory=yes'], "Option '--memory' does not take an argument (see --help)"],
    [['--name', 'a/b'], '--name: expected letters, digits, dot, underscore or hyphen'],
    [['--name', '..'], '--name: expected a name, not a path'],
    [['--data-dir', ''], '--data-dir: expected a path'],
    [['--log-level', 'loud'], '--log-level: expected one of debug, info, warn, error, silent'],
    [['--listen-client', '2379'], '--listen-client: expected host:port, [ipv6]:port or off, got "2379"'],
    [['--listen-peer', ':2380'], '--listen-peer: expected host:port, [ipv6]:port or off, got ":2380"'],
    [['--listen-http', ':8090'], '--listen-http: expected host:port, [ipv6]:port or off, got ":8090"'],
    [['--listen-grpc', 'h:8091'], '--listen-grpc: this protocol does not exist yet; only off is possible'],
    [
      ['--listen-http', 'off'],
      '--listen-http: members bring each other heartbeats there: needs heartbeat-redis',
    ],
    [
      ['--memory', '--listen-http', 'off', '--advertise-http', 'h:1'],
      '--advertise-http: there are no other members with memory',
    ],
    [
      ['--listen-http', 'off', '--advertise-http', 'h:1'],
      '--advertise-http: there is nothing to reach with listen-http: off',
    ],
    [['--advertise-http', 'h:0'], '--advertise-http: expected host:port, got "h:0"'],
    [['--advertise-http', 'h:1,h:2'], '--advertise-http: expected host:port, got "h:1,h:2"'],
    [['--heartbeat-redis', 'redis://'], '--heartbeat-redis: expected host:port, redis://… or rediss://…'],
    [['--heartbeat-redis', 'http://h:1'], '--heartbeat-redis: expected host:port, redis://…'],
    [['--heartbeat-redis', 'h:1', '--listen-peer', 'off'], '--heartbeat-redis: there are no other members'],
    [['--start-in-order', '--memory'], '--start-in-order: there are no other members with memory'],
    [['--eureka-namespace', 'a b'], '--eureka-namespace: expected letters, digits and - . / : _'],
    [['--eureka-namespace', '..'], '--eureka-namespace: expected letters, digits and - . / : _'],
    [['--eureka-namespace', 'a'.repeat(65)], '--eureka-namespace: expected at most 64 characters'],
    [['--connections-max', 'many'], '--connections-max: expected a number from 0 on, got "many"'],
    [['--connections-per-host-max=-1'], '--connections-per-host-max: expected a number from 0 on, got "-1"'],
    [
      ['--connections-allow', '10.0.0.0/8,h'],
      '--connections-allow: expected IP addresses or CIDR such as 10.0.0.0/8, got "h"',
    ],
    [['--config-hub', 'maybe'], '--config-hub: expected one of on, off'],
    [['--config-hub', 'off', '--config-keys', 'k'], '--config-keys: there is no configuration hub with'],
    [['--config-keys', ''], '--config-keys: expected a path'],
    [['--config-content-max', '0'], '--config-content-max: expected 1 to 1048576'],
    [['--config-content-max', '1048577'], '--config-content-max: expected 1 to 1048576'],
    [['--config-content-max', '1MB'], '--config-content-max: expected a number from 0 on, got "1MB"'],
    [['--config-releases-max', '1'], '--config-releases-max: expected at least 2'],
    [['--config-audit-retention', '1y'], '--config-audit-retention: expected a duration'],
    [
      ['--memory', '--listen-http', 'off', '--config-hub', 'on'],
      '--config-hub: nobody could ask the configuration hub with listen-http: off',
    ],
    [
      ['--memory', '--listen-http', 'off', '--config-releases-max', '5'],
      '--config-releases-max: nobody could ask the configuration hub with listen-http: off',
    ],
    [['--initial-cluster', 'h:1'], '--initial-cluster: expected name=host:port,…, got "h:1"'],
    [['--initial-cluster', 'a=h:0'], '--initial-cluster: expected name=host:port,…, got "a=h:0"'],
    [['--initial-cluster', 'a=h:1,b=h:1'], '--initial-cluster: h:1 is there twice'],
    [['--name', 'c', '--initial-cluster', 'a=h:1,b=h:2'], '--initial-cluster: has no member c, only a, b'],
    [['--advertise-peer', 'h:0'], '--advertise-peer: expected host:port,…, got "h:0"'],
    [
      ['--name', 'a', '--advertise-peer', 'h:3', '--initial-cluster', 'a=h:1,b=h:2'],
      '--advertise-peer: initial-cluster has a at h:1',
    ],
    [['--advertise-peer', 'h:1', '--memory'], '--advertise-peer: there are no other members with memory'],
    [['--join', 'http://h:1'], '--join: expected host:port,…, got "http://h:1"'],
    [['--join', 'h:1', '--initial-cluster', 'a=h:1'], '--join: finds a cluster that exists, so it excludes'],
    [['--join', 'h:1', '--listen-peer', 'off'], '--join: there are no other members with listen-peer: off'],
    [['--join', 'h:1', '--memory'], '--join: there are no other members with memory'],
    [['--memory', '--listen-peer', 'h:1'], '--memory: keeps nothing for other members, so it excludes'],
    [['--peer-cert-file', 'c'], '--peer-cert-file: needs peer-key-file beside it'],
    [['--restore', 'f', '--join', 'h:1'], '--restore: begins a cluster, so it excludes join'],
    [['--restore', 'f', '--listen-peer', 'h:0'], '--restore: members have to know each other: listen-peer'],
    [['--corrupt-check-time', '1d'], '--corrupt-check-time: expected a duration such as 1h30m, 10s or 0'],
    [['--force-new-cluster', '--memory'], '--force-new-cluster: there are no other members with memory'],
    [['--member-thread', '--memory'], '--member-thread: there are no other members with memory'],
    [['--auto-compaction-mode', 'x'], '--auto-compaction-mode: expected one of periodic, revision'],
    [
      ['--auto-compaction-retention', '1d'],
      '--auto-compaction-retention: expected a duration such as 1h30m, or hours in mode periodic',
    ],
    [
      ['--auto-compaction-retention', '1h', '--auto-compaction-mode', 'revision'],
      '--auto-compaction-retention: expected a number of revisions in mode revision',
    ],
    [
      ['--listen-client', 'off', '--listen-eureka', 'off', '--listen-http', 'off'],
      '--listen-client: off leaves nothing to serve',
    ],
    [['--memory', '--data-dir', 'x'], '--memory: keeps nothing on disk, so it excludes data-dir'],
    [['--config', '/nonexistent.yaml'], '--config: ENOENT: no such file or directory'],
  ])('%j: %s', (argv, reason) => {
    expect(() => parseCommandLine(argv)).toThrow(
      expect.objectContaining({
        code: 'SERVER_OPTION_INVALID',
        reason: expect.stringContaining(reason) as string,
      }),
    )
  })

  test('prints help that names every option', () => {
    expect(parseCommandLine(['--help'])).toEqual({ type: 'help' })
    expect(parseCommandLine(['--version'])).toEqual({ type: 'version' })
    for (const name of ['config', ...Object.keys(optionsSchema.shape)]) {
      expect(helpText()).toContain(`  --${name} `)
    }
    for (const line of helpText().split('\n')) expect(line.length).toBeLessThanOrEqual(100)
  })
})

describe('the configuration file', () => {
  test('holds the options under the names of their flags', () => {
    const path = configFile(
      '# a member\nname: a1\nlisten-client: "[::1]:0"\nlog-level: warn\nlisten-peer: off\n',
    )
    expect(optionsOf('--config', path)).toEqual({
      name: 'a1',
      dataDir: 'a1.orrery',
      logLevel: 'warn',
      listenClient: { host: '::1', port: 0 },
      grpcServer: 'fast',
      ...registry,
      autoCompaction: undefined,
      peer: undefined,
    })
  })

  test('gives way to flags', () => {
    const path = configFile('name: a1\ndata-dir: /srv/a1\n')
    expect(optionsOf('--config', path, '--name', 'b2')).toMatchObject({ name: 'b2', dataDir: '/srv/a1' })
    expect(optionsOf('--config', path, '--memory').dataDir).toBeUndefined()
    const memory = configFile('memory: true\n')
    expect(optionsOf('--config', memory, '--data-dir', 'x').dataDir).toBe('x')
  })

  test('gives way to flags in what concerns other members', () => {
    const path = configFile('initial-cluster: a=h:1,b=h:2\nname: a\n')
    expect(optionsOf('--config', path, '--memory').peer).toBeUndefined()
    expect(optionsOf('--config', path, '--join', 'h:3').peer).toMatchObject({
      join: ['h:3'],
      initialCluster: undefined,
    })
    expect(() => optionsOf('--config', path, '--name', 'c')).toThrow(
      `${path}:1:1: initial-cluster: has no member c, only a, b`,
    )
    expect(() => optionsOf('--config', path, '--peer-key-file', 'k')).toThrow(
      '--peer-key-file: needs peer-cert-file beside it',
    )
  })

  test('may give a number for how much of the history is kept', () => {
    const path = configFile('auto-compaction-retention: 12\n')
    expect(optionsOf('--config', path).autoCompaction).toEqual({ type: 'periodic', retentionMs: 43_200_000 })
    const odd = configFile('auto-compaction-mode: revision\nauto-compaction-retention: 1.5\n')
    expect(() => optionsOf('--config', odd)).toThrow(
      `${odd}:2:1: auto-compaction-retention: expected a number`,
    )
  })

  test('holds numbers and switches as such', () => {
    const path = configFile(
      'connections-max: 5000\nconnections-per-host-max: "64"\nself-registration: false\nstart-in-order: true\n',
    )
    expect(optionsOf('--config', path)).toMatchObject({
      connectionLimits: { totalMax: 5_000, perHostMax: 64 },
      hasSelfRegistration: false,
      peer: { startsInOrder: true },
    })
    expect(optionsOf('--config', path, '--self-registration', '--no-start-in-order')).toMatchObject({
      hasSelfRegistration: true,
      peer: { startsInOrder: false },
    })
    expect(optionsOf('--config', path, '--memory').peer).toBeUndefined()
  })

  test('may be empty', () => {
    expect(optionsOf('--config', configFile('# nothing\n'))).toEqual(defaults)
  })

  test.each([
    ['name: a\nnmae: b\n', '2:1: nmae: there is no such option'],
    ['name: a\nlog-level:   loud\n', '2:14: log-level: expected one of debug'],
    ['memory: "yes"\n', '1:9: memory: Invalid input: expected boolean, received string'],
    ['name: 17\n', '1:7: name: Invalid input: expected string, received number'],
    ['name: a\n\nlisten-client: 2379\n', '3:16: listen-client: '],
    ['listen-xds: 127.0.0.1:15010\n', '1:13: listen-xds: this protocol does not exist yet'],
    ['name: a\nconnections-max: 1.5\n', '2:18: connections-max: expected a number from 0 on, got 1.5'],
    ['connections-allow: 10.0.0.0/33\n', '1:20: connections-allow: expected IP addresses or CIDR'],
    ['self-registration: "no"\n', '1:20: self-registration: Invalid input: expected boolean'],
    ['name: a\njoin: h:1, h\n', '2:7: join: expected host:port,…, got "h:1, h"'],
    ['initial-cluster: a=h:1\njoin: h:1\n', '2:1: join: finds a cluster that exists'],
    ['data-dir: x\nmemory: true\n', '2:1: memory: keeps nothing on disk'],
    ['- name\n', '1:1: expected a map of options'],
    ['name: [a\n', '2:1: Flow sequence'],
    ['name: a\nname: b\n', '2:1: Map keys must be unique'],
    ['name: *a\n', '1:7: an alias has no place here'],
    ['name: &a x\ndata-dir: *a\n', '2:11: an alias has no place here'],
  ])('%j: %s', (text, reason) => {
    expect(() => parseConfig(text, 'orrery.yaml')).toThrow(
      expect.objectContaining({
        code: 'SERVER_OPTION_INVALID',
        reason: expect.stringMatching(`^orrery.yaml:${reason.replaceAll(/[[\]()*]/g, '.')}`) as string,
      }),
    )
  })
})

describe('a listen address', () => {
  test.each(['127.0.0.1:2379', 'localhost:0', '[::1]:65535', '0.0.0.0:80', 'off'])('%s', (text) => {
    const address = parseListenAddress(text)
    expect(address && formatListenAddress(address)).toBe(text)
  })

  test.each(['', ':2379', '2379', 'localhost', 'a:65536', '::1:2379', '[x]:1', 'a b:1', 'http://a:1', 'OFF'])(
    'is not %j',
    (text) => {
      expect(parseListenAddress(text)).toBeUndefined()
    },
  )
})
