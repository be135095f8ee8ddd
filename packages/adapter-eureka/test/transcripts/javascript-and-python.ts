import { javascript, python } from '../wire/registrations.ts'
import { bare, listed, type Transcript, type WireRequest } from './transcript.ts'

const requested = { 'Accept-Encoding': 'gzip, deflate' }

/** Registers what its user has written, in whatever types and case. */
const javascriptRegisters: WireRequest = {
  method: 'POST',
  path: '/eureka/v2/apps/jqservice',
  headers: { ...requested, Accept: 'application/json', 'Content-Type': 'application/json' },
  body: JSON.stringify({ ...javascript, instance: { ...javascript.instance, port: '3000' } }),
}
const javascriptBeats: WireRequest = {
  method: 'PUT',
  path: '/eureka/v2/apps/jqservice/localhost',
  headers: requested,
}

/** eureka-js-client, which says nothing with its heartbeats and fetches everything each time. */
export const javascriptClient: Transcript = {
  title: 'eureka-js-client',
  steps: [
    { tells: 'it registers before it has fetched anything', request: javascriptRegisters, answer: bare(204) },
    {
      tells: 'then it fetches, and finds itself in the words of Eureka',
      request: {
        method: 'GET',
        path: '/eureka/v2/apps/',
        headers: { ...requested, Accept: 'application/json' },
      },
      answer: {
        status: 200,
        json: listed('UP_1_', {
          JQSERVICE: [
            {
              hostName: 'localhost',
              app: 'JQSERVICE',
              port: { $: 3000, '@enabled': 'true' },
              securePort: { $: 3443, '@enabled': 'true' },
              vipAddress: 'jq.test.something.com',
              metadata: { weight: '10', canary: 'true' },
              leaseInfo: { renewalIntervalInSecs: 30, durationInSecs: 90 },
            },
          ],
        }),
      },
      copyIs: 'replaced',
    },
    { tells: 'it beats', afterMs: 30_000, request: javascriptBeats, answer: bare(200) },
    {
      tells: 'its event loop is blocked for minutes',
      afterMs: 160_000,
      request: javascriptBeats,
      answer: bare(404),
    },
    { tells: 'so it registers as before', request: javascriptRegisters, answer: bare(204) },
    {
      tells: 'with deltas, it finds an application in each, and instances in each of these',
      request: {
        method: 'GET',
        path: '/eureka/v2/apps/delta',
        headers: { ...requested, Accept: 'application/json' },
      },
      answer: {
        status: 200,
        json: listed('UP_1_', { JQSERVICE: [{ hostName: 'localhost', actionType: 'ADDED' }] }),
      },
      copyIs: 'in step',
    },
    {
      tells: 'it ends',
      request: { method: 'DELETE', path: '/eureka/v2/apps/jqservice/localhost', headers: requested },
      answer: bare(200),
    },
    {
      tells: 'and nobody is left',
      request: { method: 'GET', path: '/eureka/v2/apps/', headers: { Accept: 'application/json' } },
      answer: { status: 200, json: { applications: { apps__hashcode: '', application: [] } } },
      copyIs: 'replaced',
    },
  ],
}

const urllib = { 'Accept-Encoding': 'identity', 'User-Agent': 'Python-urllib/3.12', Connection: 'close' }
const pythonOwn = '/eureka/apps/REPORTS/10.0.0.3%3Areports%3A9090'

/** py-eureka-client, which registers in JSON and reads XML. */
export const pythonClient: Transcript = {
  title: 'py-eureka-client',
  steps: [
    {
      tells: 'it registers, its override empty and its times as text',
      request: {
        method: 'POST',
        path: '/eureka/apps/REPORTS',
        headers: { ...urllib, 'Content-Type': 'application/json' },
        // Older ones say nothing of the lease.
        body: JSON.stringify({ instance: { ...python.instance, leaseInfo: undefined } }),
      },
      answer: bare(204),
    },
    {
      tells: 'it reads what is there without a word on how',
      request: { method: 'GET', path: '/eureka/apps/', headers: urllib },
      answer: {
        status: 200,
        headers: { 'Content-Type': 'application/xml' },
        xml: listed('UP_1_', {
          REPORTS: [
            {
              instanceId: '10.0.0.3:reports:9090',
              overriddenstatus: 'UNKNOWN',
              port: { '@enabled': 'true', $: '9090' },
              metadata: { 'management.port': '9090' },
              leaseInfo: { renewalIntervalInSecs: '30', durationInSecs: '90' },
              lastDirtyTimestamp: '1700000002000',
            },
          ],
        }),
      },
      copyIs: 'replaced',
    },
    {
      tells: 'it beats',
      afterMs: 30_000,
      request: {
        method: 'PUT',
        path: `${pythonOwn}?status=UP&lastDirtyTimestamp=1700000002000`,
        headers: urllib,
      },
      answer: bare(200),
    },
    {
      tells: 'it says that it is down: an override, as it says so of itself by the path of operators',
      request: {
        method: 'PUT',
        path: `${pythonOwn}/status?value=DOWN&lastDirtyTimestamp=1700000002000`,
        headers: urllib,
      },
      answer: bare(200),
    },
    {
      tells: 'a delta in XML tells the same',
      request: { method: 'GET', path: '/eureka/apps/delta', headers: urllib },
      answer: {
        status: 200,
        xml: listed('DOWN_1_', {
          REPORTS: [{ status: 'DOWN', overriddenstatus: 'DOWN', actionType: 'MODIFIED' }],
        }),
      },
      copyIs: 'in step',
    },
    {
      tells: 'it takes it back',
      request: {
        method: 'DELETE',
        path: `${pythonOwn}/status?lastDirtyTimestamp=1700000002000`,
        headers: urllib,
      },
      answer: bare(200),
    },
    {
      tells: 'and so is to register with its next heartbeat',
      request: {
        method: 'PUT',
        path: `${pythonOwn}?status=UP&lastDirtyTimestamp=1700000002000`,
        headers: urllib,
      },
      answer: bare(404),
    },
    { tells: 'it ends', request: { method: 'DELETE', path: pythonOwn, headers: urllib }, answer: bare(200) },
  ],
}
