-- FXServer's vectors are values: immutable, of single precision, with arithmetic, and `type` knows them.
-- Here they are tables that hide their parts, which is as far as plain Lua 5.4 gets.
local raw_type, get_metatable, raw_get, raw_set = type, getmetatable, rawget, rawset

local NAMES = { 'x', 'y', 'z', 'w' }
local SLOTS = {} -- a name or a number -> the hidden key of that part
local HIDDEN = {}
for position, name in ipairs(NAMES) do
    local key = setmetatable({}, { __name = 'part of a vector' })
    HIDDEN[position] = key
    SLOTS[name] = key
    SLOTS[position] = key
end

local kinds = {} -- metatable -> size
local metatables = {} -- size -> metatable

local function single(number)
    return (string.unpack('<f', string.pack('<f', number)))
end

local function new(size, ...)
    local made = {}
    for position = 1, size do
        local part = select(position, ...)
        if raw_type(part) ~= 'number' then
            error(
                ("bad argument #%d to 'vector%d' (number expected, got %s)"):format(
                    position,
                    size,
                    raw_type(part)
                ),
                3
            )
        end
        raw_set(made, HIDDEN[position], single(part + 0.0))
    end
    return setmetatable(made, metatables[size])
end

local function size_of(value)
    return raw_type(value) == 'table' and kinds[get_metatable(value)] or nil
end

local function parts(vector)
    local found = {}
    for position = 1, size_of(vector) do
        found[position] = raw_get(vector, HIDDEN[position])
    end
    return found
end

local function combined(operation, word)
    return function(left, right)
        local left_size, right_size = size_of(left), size_of(right)
        local size = left_size or right_size
        if left_size and right_size and left_size ~= right_size then
            error('attempt to ' .. word .. ' vectors of different sizes', 2)
        end
        if not left_size and raw_type(left) ~= 'number' or not right_size and raw_type(right) ~= 'number' then
            error('attempt to perform arithmetic on a vector and something else', 2)
        end
        local result = {}
        for position = 1, size do
            local key = HIDDEN[position]
            local a = left_size and raw_get(left, key) or left
            local b = right_size and raw_get(right, key) or right
            result[position] = operation(a, b)
        end
        return new(size, table.unpack(result))
    end
end

local add = combined(function(a, b)
    return a + b
end, 'add')
local subtract = combined(function(a, b)
    return a - b
end, 'subtract')
local multiply = combined(function(a, b)
    return a * b
end, 'multiply')
local divide = combined(function(a, b)
    return a / b
end, 'divide')

for size = 2, 4 do
    local name = 'vector' .. size
    local metatable
    metatable = {
        __name = name,
        __metatable = false,
        __add = add,
        __sub = subtract,
        __mul = multiply,
        __div = divide,
        __unm = function(vector)
            return multiply(vector, -1)
        end,
        __eq = function(left, right)
            local a, b = parts(left), parts(right)
            for position = 1, 4 do
                if a[position] ~= b[position] then
                    return false
                end
            end
            return true
        end,
        __len = function(vector)
            local sum = 0.0
            for _, part in ipairs(parts(vector)) do
                sum = sum + part * part
            end
            return sum ^ 0.5
        end,
        __index = function(vector, key)
            local slot = SLOTS[key]
            local part = slot and raw_get(vector, slot)
            if part == nil then
                error(("attempt to index a %s with '%s'"):format(name, tostring(key)), 2)
            end
            return part
        end,
        __newindex = function()
            error('attempt to change a ' .. name, 2)
        end,
        __pairs = function()
            error("bad argument #1 to 'for iterator' (table expected, got " .. name .. ')', 2)
        end,
        __tostring = function(vector)
            local texts = {}
            for position, part in ipairs(parts(vector)) do
                texts[position] = ('%f'):format(part)
            end
            return ('vec%d(%s)'):format(size, table.concat(texts, ', '))
        end,
    }
    metatables[size] = metatable
end

local vectors = { names = NAMES, parts = parts }

for size, metatable in pairs(metatables) do
    kinds[metatable] = size
    vectors['vector' .. size] = function(...)
        return new(size, ...)
    end
end

-- `getmetatable` answers false for a vector, so the size is found the long way round.
get_metatable = debug.getmetatable
vectors.size_of = size_of

function vectors.type(...)
    if select('#', ...) == 0 then
        error("bad argument #1 to 'type' (value expected)", 2)
    end
    local size = size_of((...))
    return size and ('vector' .. size) or raw_type((...))
end

return vectors
