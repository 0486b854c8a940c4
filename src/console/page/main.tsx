import {render} from 'preact'
import {App} from './app.tsx'
import {takeToken} from './client.ts'
import {connect} from './live.ts'
import {listenToKeys} from './keyboard.ts'
import {listenToHistory} from './where.ts'

takeToken()
// The address of the console's next run, opened in this tab, differs in its fragment alone.
addEventListener('hashchange', takeToken)
listenToHistory()
listenToKeys()
void connect()
render(<App />, document.body)
