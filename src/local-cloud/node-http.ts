/**
 * What is used of `node:http`. An import of it would have everything loaded that it exports, the client of WebSockets
 * too: 13 MB of memory and 40 ms of CPU time at each start.
 */
export const {Agent, createServer, get, request, STATUS_CODES} = process.getBuiltinModule('node:http')
