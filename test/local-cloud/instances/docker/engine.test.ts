import {describe, expect, it, onTestFinished} from 'vitest'
import {Demultiplexer} from '../../../../src/local-cloud/instances/docker/demultiplex.ts'
import {connectEngine, engineHost} from '../../../../src/local-cloud/instances/docker/engine.ts'
import {startRun} from '../../run/local-run.ts'

describe('where an engine is looked for', () => {
  it('is what DOCKER_HOST says, else the usual place', () => {
    expect(engineHost({DOCKER_HOST: 'unix:///run/user/1000/docker.sock'})).toBe(
      'unix:///run/user/1000/docker.sock',
    )
    expect(engineHost({DOCKER_HOST: ''})).toBe('unix:///var/run/docker.sock')
    expect(engineHost({})).toBe('unix:///var/run/docker.sock')
  })

  it.each(['tcp://192.0.2.7:2375', 'ssh://user@host', 'nonsense'])('is not %s', (host) => {
    expect(() => connectEngine(host)).toThrow(/needs an engine on this machine/)
  })
})

it('a deployment reports the missing engine', async () => {
  const before = process.env['DOCKER_HOST']
  process.env['DOCKER_HOST'] = 'unix:///nowhere/docker.sock'
  onTestFinished(() => {
    if (before === undefined) delete process.env['DOCKER_HOST']
    else process.env['DOCKER_HOST'] = before
  })
  const run = await startRun()
  const image = await run.push({files: {'main.py': ''}, annotations: {}, entrypoint: ['python3']}, 'foreign')
  await expect(run.deploy('python', {containers: [{image}]})).rejects.toThrow(
    /runs as a container, but no container engine answers at unix:\/\/\/nowhere\/docker\.sock .*DOCKER_HOST/,
  )
})

it('both outputs are taken apart, however the frames are cut', () => {
  const frame = (stream: number, text: string): Buffer => {
    const header = Buffer.alloc(8)
    header[0] = stream
    header.writeUInt32BE(Buffer.byteLength(text), 4)
    return Buffer.concat([header, Buffer.from(text)])
  }
  const bytes = Buffer.concat([frame(1, 'out\n'), frame(2, 'err\n'), frame(1, ''), frame(1, 'more')])
  for (let size = 1; size <= bytes.length; size++) {
    const taken = {stdout: '', stderr: ''}
    const frames = new Demultiplexer((stream, content) => (taken[stream] += content.toString()))
    for (let start = 0; start < bytes.length; start += size) frames.push(bytes.subarray(start, start + size))
    expect(taken).toEqual({stdout: 'out\nmore', stderr: 'err\n'})
  }
})
