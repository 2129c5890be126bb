-- The globals of one resource on one side, and what runs its threads, events, exports and references.
local host, vectors, load_module, own_name, is_server = ...

local raw_type, yield = type, coroutine.yield
local get_hook, trace_back, set_hook = debug.getmetatable, debug.traceback, debug.sethook
local LOOK_EVERY, MOST_LOOKS = 1000000, 50 -- instructions, and so many times in one go: an endless loop

local now, turn = 0, 0
local threads, next_thread, soon = {}, 0, {}
local handlers, order = {}, {} -- event -> list of handlers; and whether clients may cause it
local references, next_reference = {}, 0
local msgpack

local function say(text)
    host.trace(text)
end

local function described(problem)
    if raw_type(problem) == 'string' then
        return problem
    end
    local metatable = raw_type(problem) == 'table' and get_hook(problem)
    return metatable and metatable.__tostring and tostring(problem) or 'error object is not a string'
end

local function report(problem, trace)
    host.failed(problem, trace)
    say(('^1SCRIPT ERROR: %s^7\n%s\n'):format(problem, trace))
end

local function caught(problem)
    return { problem = described(problem), trace = trace_back('', 2) }
end

-- Threads

local AWAIT = {}
local running

-- The host resumes threads, so that no call from another script meets a half-finished resume of this one's.
local function resume(thread, value)
    local previous = running
    running, thread.value, thread.given = thread, nil, value
    host.resume(thread.id)
    running = previous
    return thread.value
end

local function run(id)
    local thread = threads[id]
    if not thread then
        return false
    end
    local value = resume(thread)
    if value == AWAIT then
        threads[id] = nil
        resume(thread, function()
            threads[id] = thread
            run(id)
        end)
        return not thread.ended
    elseif thread.ended then
        threads[id] = nil
        return false
    end
    thread.wake = now + (raw_type(value) == 'number' and value or 0)
    thread.turn = turn
    return true
end

local function pause(value)
    local thread = running
    if not thread or not coroutine.isyieldable() then
        error('attempt to yield from outside a coroutine', 3)
    end
    thread.value = value
    yield()
    return thread.given
end

local routines = {} -- of threads that are being made

local looked_in, looks = 0, 0

local function look()
    if looked_in ~= turn then
        looked_in, looks = turn, 0
    end
    looks = looks + 1
    if looks > MOST_LOOKS then
        error('this thread never waits', 2)
    end
end

local function thread_of(routine, wake)
    next_thread = next_thread + 1
    local thread = { id = next_thread, wake = wake, turn = turn }
    routines[thread.id] = function()
        set_hook(look, '', LOOK_EVERY)
        local fine, problem = xpcall(routine, caught)
        thread.ended = true
        if not fine then
            report(problem.problem, problem.trace)
        end
    end
    host.create(thread.id)
    threads[next_thread] = thread
    return next_thread
end

local Citizen = {}

function Citizen.CreateThread(routine)
    return thread_of(routine, now)
end

function Citizen.CreateThreadNow(routine)
    return run(thread_of(routine, now))
end

function Citizen.SetTimeout(milliseconds, routine)
    return thread_of(routine, now + milliseconds)
end

function Citizen.ClearTimeout(id)
    local found = threads[id] ~= nil
    threads[id] = nil
    return found
end

function Citizen.Wait(milliseconds)
    pause(milliseconds)
end

function Citizen.Trace(text)
    say(text)
end

-- Threads that are due run in the order in which they were made.
local function tick(time)
    now, turn = time, turn + 1
    for id, thread in pairs(threads) do
        if thread.wake <= now and thread.turn < turn then
            soon[#soon + 1] = id
        end
    end
    table.sort(soon)
    local due = soon
    soon = {}
    for _, id in ipairs(due) do
        run(id)
    end
end

-- Promises

local Promise = {}
Promise.__index = Promise

local function settle(self, state, value)
    if self.state == 0 then
        self.state, self.value = state, value
        for _, waiter in ipairs(self.waiters) do
            waiter()
        end
    end
    return self
end

function Promise:resolve(value)
    return settle(self, 3, value)
end

function Promise:reject(value)
    return settle(self, 4, value)
end

local promise = {}

function promise.new()
    return setmetatable({ state = 0, waiters = {} }, Promise)
end

function Citizen.Await(awaited)
    if awaited.state == 0 then
        awaited.waiters[#awaited.waiters + 1] = pause(AWAIT)
        pause()
    end
    if awaited.state == 4 then
        error(awaited.value, 2)
    end
    return awaited.value
end

-- References to functions of other scripts

local Reference = {
    __index = function()
        error('Cannot index a funcref', 2)
    end,
    __newindex = function()
        error('Cannot set indexes on a funcref', 2)
    end,
}

local function keep(routine)
    references[next_reference] = routine
    next_reference = next_reference + 1
    return host.canonical(next_reference - 1)
end

local function reference_of(value)
    if raw_type(value) == 'function' then
        return keep(value)
    end
    return keep(function(...)
        return value(...)
    end)
end

local function function_of(name)
    return setmetatable({ __cfx_functionReference = name }, Reference)
end

msgpack = load_module('msgpack', vectors, reference_of, function_of)

function Reference.__call(self, ...)
    local name = rawget(self, '__cfx_functionReference')
    local found, answer = host.invoke(name, msgpack.pack_args(...))
    if not found then
        error('Execution of function reference in script host failed: ' .. answer)
    end
    local values, count = msgpack.unpack_args(answer)
    if raw_type(values) ~= 'table' then
        error()
    end
    local later = raw_type(values[1]) == 'table' and rawget(values[1], '__cfx_async_retval')
    if later and coroutine.isyieldable() then
        local awaited = promise.new()
        later(function(result, problem)
            if result then
                awaited:resolve(result)
            else
                awaited:reject(problem)
            end
        end)
        return table.unpack(Citizen.Await(awaited))
    end
    return table.unpack(values, 1, count)
end

-- Runs a function for another script, which learns of what it raises only that it failed.
local function call(id, payload)
    local routine = references[id]
    if not routine then
        say('Invalid ref call attempt: ' .. id .. '\n')
        return msgpack.pack(nil)
    end
    local results, problem, told, finished
    Citizen.CreateThreadNow(function()
        local arguments, count = msgpack.unpack_args(payload)
        local fine, value = xpcall(function()
            results = table.pack(routine(table.unpack(arguments, 1, count)))
        end, caught)
        if not fine then
            report(value.problem, value.trace)
            problem = value.problem
        end
        finished = true
        if told then
            told(results, problem)
        end
    end)
    if not finished then
        return msgpack.pack({
            {
                __cfx_async_retval = function(teller)
                    told = teller
                end,
            },
        })
    elseif problem then
        return msgpack.pack(nil)
    end
    return msgpack.pack_args(table.unpack(results, 1, results.n))
end

-- Events

local globals = _G

local function entry_of(event)
    if not handlers[event] then
        handlers[event] = { list = {} }
    end
    return handlers[event]
end

local function AddEventHandler(event, routine)
    local entry = entry_of(event)
    order[#order + 1] = routine
    entry.list[#entry.list + 1] = { key = #order, routine = routine }
    host.listens(event)
    return { key = #order, name = event }
end

local function RemoveEventHandler(made)
    if not made or not made.key or not made.name then
        error('Invalid event data passed to RemoveEventHandler()', 2)
    end
    local list = handlers[made.name].list
    for position = #list, 1, -1 do
        if list[position].key == made.key then
            table.remove(list, position)
        end
    end
end

local function RegisterNetEvent(event, routine)
    entry_of(event).from_net = true
    if routine then
        return AddEventHandler(event, routine)
    end
end

local function TriggerEvent(event, ...)
    return host.trigger(event, msgpack.pack_args(...))
end

local function source_of(event, entry, from)
    if from:sub(1, 4) == 'net:' then
        if not entry.from_net then
            say('event ' .. event .. ' was not safe for net\n')
            return nil
        end
        return tonumber(from:sub(5))
    elseif is_server and from:sub(1, 13) == 'internal-net:' then
        return tonumber(from:sub(14))
    end
    return from
end

local function dispatch(event, payload, from)
    local entry = handlers[event]
    if not entry or #entry.list == 0 then
        return
    end
    local previous = rawget(globals, 'source')
    local source = source_of(event, entry, from)
    if source == nil then
        return
    end
    rawset(globals, 'source', source)
    local arguments, count = msgpack.unpack_args(payload)
    for _, handler in ipairs({ table.unpack(entry.list) }) do
        Citizen.CreateThreadNow(function()
            handler.routine(table.unpack(arguments, 1, count))
        end)
    end
    rawset(globals, 'source', previous)
end

-- Exports

local cache = {}

local function export_event(resource, name)
    return ('__cfx_export_%s_%s'):format(resource, name)
end

local function export_result(resource, name, fine, ...)
    if not fine then
        local problem = tostring((...))
        error(
            ('\n^5 An error occurred while calling export `%s` in resource `%s`:\n  %s\n^5 ---'):format(
                name,
                resource,
                problem
            ),
            2
        )
    end
    return ...
end

local function find_export(resource, name)
    cache[resource] = cache[resource] or {}
    if not cache[resource][name] then
        TriggerEvent(export_event(resource, name), function(routine)
            cache[resource][name] = routine
        end)
    end
    return cache[resource][name]
end

local exports = setmetatable({}, {
    __index = function(_, resource)
        return setmetatable({}, {
            __index = function(_, name)
                if raw_type(name) ~= 'string' then
                    error('Invalid export name: ' .. tostring(name), 2)
                end
                if not find_export(resource, name) then
                    error('No such export ' .. name .. ' in resource ' .. resource, 2)
                end
                return function(_, ...)
                    return export_result(resource, name, pcall(cache[resource][name], ...))
                end
            end,
            __newindex = function()
                error('cannot set values on an export resource', 2)
            end,
        })
    end,
    __newindex = function()
        error('cannot set values on exports', 2)
    end,
    __call = function(_, name, routine)
        AddEventHandler(export_event(own_name, name), function(give)
            give(routine)
        end)
    end,
})

local function forget_exports(resource)
    cache[resource] = nil
end

-- What a script sees

local function give(name, value)
    rawset(globals, name, value)
end

local json = load_module('json', vectors)

for _, name in ipairs({ 'io', 'package', 'dofile', 'loadfile', 'python' }) do
    give(name, nil)
end
give('debug', { getinfo = debug.getinfo, traceback = debug.traceback, getlocal = debug.getlocal })
give('os', {
    time = function(given)
        if given then
            error('a time of a date is not stubbed', 2)
        end
        return host.time()
    end,
    clock = host.clock,
    date = function(format, at)
        return host.date(format or '%c', at or host.time())
    end,
})
give('require', function(name)
    error(("module '%s' not found"):format(name), 2)
end)
give('type', vectors.type)
for _, name in ipairs({ 'vector2', 'vector3', 'vector4' }) do
    give(name, vectors[name])
    give('vec' .. name:sub(-1), vectors[name])
end
give('print', function(...)
    local texts = table.pack(...)
    for position = 1, texts.n do
        texts[position] = tostring(texts[position])
    end
    say(table.concat(texts, '\t') .. '\n')
end)

for name, value in pairs({
    Citizen = Citizen,
    Wait = Citizen.Wait,
    CreateThread = Citizen.CreateThread,
    SetTimeout = Citizen.SetTimeout,
    ClearTimeout = Citizen.ClearTimeout,
    promise = promise,
    json = { encode = json.encode, decode = json.decode },
    msgpack = { pack = msgpack.pack, unpack = msgpack.unpack, pack_args = msgpack.pack_args },
    exports = exports,
    AddEventHandler = AddEventHandler,
    RemoveEventHandler = RemoveEventHandler,
    RegisterNetEvent = RegisterNetEvent,
    TriggerEvent = TriggerEvent,
}) do
    give(name, value)
end

if is_server then
    give('RegisterServerEvent', RegisterNetEvent)
    give('TriggerClientEvent', function(event, player, ...)
        host.to_client(event, player, msgpack.pack_args(...))
    end)
    give('TriggerLatentClientEvent', function(event, player, _, ...)
        host.to_client(event, player, msgpack.pack_args(...))
    end)
    give('GetPlayers', function()
        local found = {}
        for position = 0, globals.GetNumPlayerIndices() - 1 do
            table.insert(found, globals.GetPlayerFromIndex(position))
        end
        return found
    end)
    give('GetPlayerIdentifiers', function(player)
        local found = {}
        for position = 0, globals.GetNumPlayerIdentifiers(player) - 1 do
            table.insert(found, globals.GetPlayerIdentifier(player, position))
        end
        return found
    end)

    local waiting = {}
    AddEventHandler('__cfx_internal:httpResponse', function(token, ...)
        local callback = waiting[token]
        waiting[token] = nil
        if callback then
            callback(...)
        end
    end)
    give('PerformHttpRequest', function(url, callback, method, data, headers, options)
        local follow = true
        if options and options.followLocation ~= nil then
            follow = options.followLocation
        end
        local token, problem = host.http(url, method or 'GET', data or '', headers or {}, follow)
        if problem then
            error(problem, 2)
        elseif token == -1 then
            callback(0, nil, {}, 'Failure handling HTTP request')
        else
            waiting[token] = callback
        end
    end)
else
    give('TriggerServerEvent', function(event, ...)
        host.to_server(event, msgpack.pack_args(...))
    end)
    give('TriggerLatentServerEvent', function(event, _, ...)
        host.to_server(event, msgpack.pack_args(...))
    end)
end

-- Natives are made on first use; whatever else is not there was misspelt, or is not stubbed yet.
local function native(kind, routine)
    return function(...)
        if kind == 'vector' then
            local fine, x, y, z = routine(...)
            if not fine then
                error(x, 0)
            end
            return vectors.vector3(x, y, z)
        end
        local results = table.pack(routine(...))
        if not results[1] then
            error(results[2], 0)
        end
        return table.unpack(results, 2, results.n)
    end
end

local function reference_argument(value)
    if raw_type(value) == 'function' then
        return reference_of(value)
    end
    return value
end

give('RegisterCommand', function(name, routine, restricted)
    host.command(name, reference_argument(routine), restricted)
end)

local loading = true

setmetatable(globals, {
    __index = function(_, name)
        if name == 'source' then
            return nil
        end
        local kind, routine = host.native(name)
        if not kind then
            error(("'%s' is neither defined nor a native of this side"):format(tostring(name)), 2)
        end
        local made = native(kind, routine)
        give(name, made)
        return made
    end,
    __newindex = function(_, name, value)
        host.defined(name, loading)
        give(name, value)
    end,
})

return {
    dispatch = dispatch,
    take_routine = function(id)
        local routine = routines[id]
        routines[id] = nil
        return routine
    end,
    call = call,
    tick = tick,
    forget_exports = forget_exports,
    settle = function()
        loading = false
    end,
    run_file = function(name, text)
        local chunk, problem = load(text, '@@' .. own_name .. '/' .. name, 't')
        if not chunk then
            report(problem, '')
            return problem
        end
        local fine, raised = xpcall(chunk, caught)
        if not fine then
            report(raised.problem, raised.trace)
            return raised.problem
        end
    end,
    set_time = function(time)
        now = time
    end,
    -- Runs a piece of Lua as a thread of this script and tells what it returned, now or later.
    evaluate = function(text, payload, tell)
        local arguments, count = msgpack.unpack_args(payload)
        local routine = assert(load(text, '=test', 't'))
        Citizen.CreateThreadNow(function()
            local results = table.pack(pcall(routine, table.unpack(arguments, 1, count)))
            if results[1] then
                tell(true, msgpack.pack_args(table.unpack(results, 2, results.n)))
            else
                tell(false, tostring(results[2]))
            end
        end)
    end,
    encode = json.encode,
    decode = json.decode,
}
