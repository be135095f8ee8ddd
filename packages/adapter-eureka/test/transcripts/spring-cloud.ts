import { springCloud } from '../wire/registrations.ts'
import { bare, listed, type Step, type Transcript, type WireRequest } from './transcript.ts'

/** From `eureka.client.service-url.defaultZone`. */
const authorization = { Authorization: `Basic ${Buffer.from('billing:secret').toString('base64')}` }

/** It says what it would send, even with a GET, and with a PUT that has nothing to send. */
const restClient = {
  ...authorization,
  'Content-Type': 'application/json',
  Accept: 'application/json',
  'Accept-Encoding': 'gzip, x-gzip, deflate',
}

/** With Jackson's XML on the class path, XML comes first. Whoever names JSON at all gets JSON. */
const restTemplate = {
  ...authorization,
  Accept: 'application/xml, text/xml, application/json, application/*+xml, application/*+json',
  'Accept-Encoding': 'gzip, x-gzip, deflate',
}

const own = '/eureka/apps/BILLING/host-9:billing:8081'
const escaped = '/eureka/apps/BILLING/host-9%3Abilling%3A8081'

function registers(status: string, lastDirtyTimestamp: number): Pick<Step, 'request' | 'answer'> {
  return {
    request: {
      method: 'POST',
      path: '/eureka/apps/BILLING',
      headers: { ...authorization, 'Content-Type': 'application/json', 'Accept-Encoding': 'gzip' },
      // Nulls, and flags and times without quotes.
      body: JSON.stringify({ instance: { ...springCloud.instance, status, lastDirtyTimestamp } }),
    },
    answer: bare(204),
  }
}

function beats(query: string): WireRequest {
  return { method: 'PUT', path: `${own}?${query}`, headers: restClient }
}

function looks(): WireRequest {
  return { method: 'GET', path: escaped, headers: restClient }
}

function delta(): WireRequest {
  return { method: 'GET', path: '/eureka/apps/delta', headers: restTemplate }
}

/** A Spring application, and the actuator that takes it out of service and back. */
export const springCloudClient: Transcript = {
  title: 'a Spring Cloud client that is taken out of service and back',
  steps: [
    {
      tells: 'it is the first, and fetches a registry in which nobody is',
      request: { method: 'GET', path: '/eureka/apps/', headers: restClient },
      answer: { status: 200, json: { applications: { apps__hashcode: '', application: [] } } },
      copyIs: 'replaced',
    },
    { tells: 'it registers', ...registers('UP', 1700000001500) },
    {
      tells: 'it beats every ten seconds',
      afterMs: 10_000,
      request: beats('status=UP&lastDirtyTimestamp=1700000001500'),
      answer: bare(200),
    },
    {
      tells: 'others find it by its vip address, with its zone and the port of its actuator',
      request: delta(),
      answer: {
        status: 200,
        json: listed('UP_1_', {
          BILLING: [
            {
              instanceId: 'host-9:billing:8081',
              vipAddress: 'billing',
              secureVipAddress: 'billing',
              appGroupName: 'MONEY',
              metadata: { 'management.port': '9001', zone: 'zone1' },
              securePort: { $: 443, '@enabled': 'false' },
              healthCheckUrl: 'http://host-9:8081/actuator/health',
            },
          ],
        }),
      },
      copyIs: 'in step',
    },
    {
      tells: 'one that reads XML alone finds the same, by the path that others escape',
      request: { method: 'GET', path: escaped, headers: { ...authorization, Accept: 'application/xml' } },
      answer: {
        status: 200,
        xml: {
          instance: {
            instanceId: 'host-9:billing:8081',
            metadata: { 'management.port': '9001', zone: 'zone1' },
            securePort: { $: '443', '@enabled': 'false' },
          },
        },
      },
    },
    {
      tells: 'the actuator takes it out of service',
      request: {
        method: 'PUT',
        path: `${own}/status?value=OUT_OF_SERVICE&lastDirtyTimestamp=1700000001500`,
        headers: { ...authorization, 'Content-Type': 'application/json' },
      },
      answer: bare(200),
    },
    {
      tells: 'which everybody sees',
      request: delta(),
      answer: {
        status: 200,
        json: listed('OUT_OF_SERVICE_1_', {
          BILLING: [{ status: 'OUT_OF_SERVICE', overriddenStatus: 'OUT_OF_SERVICE', actionType: 'MODIFIED' }],
        }),
      },
      copyIs: 'in step',
    },
    {
      tells: 'it goes on beating, as up as it ever was',
      afterMs: 10_000,
      request: beats('status=UP&lastDirtyTimestamp=1700000001500&overriddenstatus=OUT_OF_SERVICE'),
      answer: bare(200),
    },
    { tells: 'something else changes, so that it registers', ...registers('UP', 1700000020000) },
    {
      tells: 'and is out of service still',
      request: looks(),
      answer: { status: 200, json: { instance: { status: 'OUT_OF_SERVICE' } } },
    },
    {
      tells: 'the actuator lets it be what it is, and does not say what that is',
      request: {
        method: 'DELETE',
        path: `${own}/status?lastDirtyTimestamp=1700000020000`,
        headers: { ...authorization, 'Content-Type': 'application/json' },
      },
      answer: bare(200),
    },
    {
      tells: 'so nobody knows',
      request: looks(),
      answer: { status: 200, json: { instance: { status: 'UNKNOWN', overriddenStatus: 'UNKNOWN' } } },
    },
    {
      tells: 'until its heartbeat has it register',
      afterMs: 10_000,
      request: beats('status=UP&lastDirtyTimestamp=1700000020000'),
      answer: bare(404),
    },
    { tells: 'with nothing new', ...registers('UP', 1700000020000) },
    {
      tells: 'it is up again',
      request: delta(),
      answer: {
        status: 200,
        json: listed('UP_1_', {
          BILLING: [{ status: 'UP', overriddenStatus: 'UNKNOWN', actionType: 'MODIFIED' }],
        }),
      },
      copyIs: 'in step',
    },
    {
      tells: 'out of service once more',
      request: { method: 'PUT', path: `${escaped}/status?value=OUT_OF_SERVICE`, headers: authorization },
      answer: bare(200),
    },
    {
      tells: 'and back, by somebody who says that it is up',
      request: { method: 'DELETE', path: `${escaped}/status?value=UP`, headers: authorization },
      answer: bare(200),
    },
    {
      tells: 'which needs no registration',
      afterMs: 10_000,
      request: beats('status=UP&lastDirtyTimestamp=1700000020000'),
      answer: bare(200),
    },
    { tells: 'it shuts down: first it says so', ...registers('DOWN', 1700000050000) },
    {
      tells: 'then it goes',
      request: { method: 'DELETE', path: own, headers: authorization },
      answer: bare(200),
    },
    {
      tells: 'and nobody is left',
      request: delta(),
      answer: {
        status: 200,
        json: listed('', { BILLING: [{ instanceId: 'host-9:billing:8081', actionType: 'DELETED' }] }),
      },
      copyIs: 'in step',
    },
  ],
}
