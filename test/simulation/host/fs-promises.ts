import * as real from 'node:fs/promises'
import {DISK, theDisk} from '../disk.ts'
import {theWorld} from '../world.ts'

/** In place of `node:fs/promises`: the simulated disk for what lies on it, the real one for everything else. */
export * from 'node:fs/promises'

const isSimulated = (path: string): boolean => path.startsWith(DISK)

/** Does it when its time has come, unless its process has ended by then. */
function onDisk<T>(work: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    theWorld().schedule(theDisk().weather.delayMs(), () => {
      try {
        resolve(work())
      } catch (error) {
        reject(error)
      }
    })
  })
}

class FileHandle {
  readonly fd: number
  #closing: Promise<void> | undefined

  constructor(fd: number) {
    this.fd = fd
  }

  writev(chunks: readonly Uint8Array[], position: number): Promise<{bytesWritten: number}> {
    const bytes = Buffer.concat(chunks)
    return onDisk(() => {
      theDisk().write(this.fd, bytes, position)
      return {bytesWritten: bytes.length}
    })
  }

  writeFile(text: string): Promise<void> {
    return onDisk(() => theDisk().write(this.fd, Buffer.from(text), 0))
  }

  stat(): Promise<{size: number}> {
    return onDisk(() => ({size: theDisk().bytes(this.fd).length}))
  }

  truncate(size: number): Promise<void> {
    return onDisk(() => theDisk().truncate(this.fd, size))
  }

  async sync(): Promise<void> {
    await onDisk(theDisk().sync(this.fd))
  }

  datasync(): Promise<void> {
    return this.sync()
  }

  /** As Node's, it may be called again. */
  close(): Promise<void> {
    return (this.#closing ??= onDisk(() => theDisk().close(this.fd)))
  }
}

export function open(path: string, flags: string): Promise<FileHandle> {
  return onDisk(() => new FileHandle(theDisk().open(path, flags)))
}

export function mkdir(path: string): Promise<string | undefined> {
  return onDisk(() => theDisk().createFolder(path))
}

export function rename(from: string, to: string): Promise<void> {
  return onDisk(() => theDisk().rename(from, to))
}

export function rm(path: string): Promise<void> {
  return onDisk(() => theDisk().remove(path))
}

export function readdir(path: string, {withFileTypes = false} = {}): Promise<unknown[]> {
  return onDisk(() => {
    const names = theDisk().names(path)
    return withFileTypes
      ? names.map(({name, isFolder}) => ({name, isDirectory: () => isFolder}))
      : names.map(({name}) => name)
  })
}

export async function readFile(path: string, encoding: BufferEncoding): Promise<string> {
  if (!isSimulated(path)) return real.readFile(path, encoding)
  return onDisk(() => theDisk().read(path).toString(encoding))
}
