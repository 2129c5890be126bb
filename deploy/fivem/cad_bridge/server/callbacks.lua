-- What other resources want to be told. Their functions may wait or fail: each runs in a thread of its own.

Callbacks = {}

local REPEAT = 60 -- seconds between two lines about such a function that failed

--- Calls a function with what follows, soon, and returns at once; `what` is what it is told of.
function Callbacks.tell(callback, what, ...)
    if not callback then
        return
    end
    local told = table.pack(...)
    CreateThread(function()
        local done, problem = pcall(callback, table.unpack(told, 1, told.n))
        if not done then
            local text = Text.clean(tostring(problem), 200) or ''
            Log.warnEvery('callback', REPEAT, ('What was to be told of %s failed: %s'):format(what, text))
        end
    end)
end
