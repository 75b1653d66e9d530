/** The command with profiler.ts loaded. */

import './profiler.ts'
import '../bin/apistronghold.js'
