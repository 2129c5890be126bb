-- MessagePack as it goes between the scripts of FiveM: functions become references, vectors extensions.
local vectors, reference_of, function_of = ...
local raw_type, math_type, pack_bytes, unpack_bytes = type, math.type, string.pack, string.unpack

local FUNCTION, LOCAL_FUNCTION = 10, 11
local VECTOR = 18 -- plus the number of its parts
local DEEPEST = 32

local function head(size, short, limit, formats)
    if size < limit then
        return pack_bytes('B', short | size)
    end
    for _, format in ipairs(formats) do
        if size < format[1] then
            return pack_bytes(format[2], format[3], size)
        end
    end
    error('too long for MessagePack', 0)
end

local STRINGS = { { 0x100, '>BB', 0xd9 }, { 0x10000, '>BI2', 0xda }, { 0x100000000, '>BI4', 0xdb } }
local ARRAYS = { { 0x10000, '>BI2', 0xdc }, { 0x100000000, '>BI4', 0xdd } }
local MAPS = { { 0x10000, '>BI2', 0xde }, { 0x100000000, '>BI4', 0xdf } }

local function pack_integer(number)
    if number >= 0 and number < 0x80 or number < 0 and number >= -0x20 then
        return pack_bytes('b', number < 0x80 and number or number)
    elseif number >= 0 then
        return pack_bytes('>BI8', 0xcf, number)
    end
    return pack_bytes('>Bi8', 0xd3, number)
end

local function pack_extension(kind, data)
    return pack_bytes('>BBB', 0xc7, #data, kind) .. data
end

local function array_size(value)
    local count = 0
    for key in next, value do
        if math_type(key) ~= 'integer' or key < 1 then
            return nil
        end
        count = count + 1
    end
    return count == rawlen(value) and count or nil
end

local pack_value

local function pack_table(out, value, depth)
    if depth > DEEPEST then
        error('maximum table nesting depth exceeded', 0)
    end
    local size = array_size(value)
    if size then
        out[#out + 1] = head(size, 0x90, 16, ARRAYS)
        for position = 1, size do
            pack_value(out, rawget(value, position), depth)
        end
        return
    end
    size = 0
    for _ in next, value do
        size = size + 1
    end
    out[#out + 1] = head(size, 0x80, 16, MAPS)
    for key, item in next, value do
        pack_value(out, key, depth)
        pack_value(out, item, depth)
    end
end

function pack_value(out, value, depth)
    local kind = raw_type(value)
    if kind == 'nil' then
        out[#out + 1] = '\xc0'
    elseif kind == 'boolean' then
        out[#out + 1] = value and '\xc3' or '\xc2'
    elseif kind == 'number' then
        local integer = math_type(value) == 'integer'
        out[#out + 1] = integer and pack_integer(value) or pack_bytes('>Bd', 0xcb, value)
    elseif kind == 'string' then
        out[#out + 1] = head(#value, 0xa0, 32, STRINGS)
        out[#out + 1] = value
    elseif vectors.size_of(value) then
        local parts = vectors.parts(value)
        out[#out + 1] =
            pack_extension(VECTOR + #parts, pack_bytes('<' .. ('f'):rep(#parts), table.unpack(parts)))
    elseif kind == 'function' or kind == 'table' and rawget(value, '__cfx_functionReference') then
        out[#out + 1] = pack_extension(FUNCTION, reference_of(value))
    elseif kind == 'table' then
        pack_table(out, value, depth + 1)
    else
        error('can not pack a ' .. kind, 0)
    end
end

local unpack_value

local function unpack_array(data, at, size)
    local found = {}
    for position = 1, size do
        found[position], at = unpack_value(data, at)
    end
    return found, at, size
end

local function unpack_map(data, at, size)
    local found = {}
    for _ = 1, size do
        local key, item
        key, at = unpack_value(data, at)
        item, at = unpack_value(data, at)
        if key ~= nil and key == key then
            found[key] = item
        end
    end
    return found, at
end

local function unpack_extension(data, at, size)
    local kind = data:byte(at)
    local content = data:sub(at + 1, at + size)
    at = at + 1 + size
    if kind == FUNCTION or kind == LOCAL_FUNCTION then
        return function_of(content), at
    elseif kind > VECTOR + 1 and kind <= VECTOR + 4 then
        local parts = { unpack_bytes('<' .. ('f'):rep(kind - VECTOR), content) }
        return vectors['vector' .. kind - VECTOR](table.unpack(parts, 1, kind - VECTOR)), at
    end
    return nil, at
end

local NUMBERS = {
    [0xca] = '>f',
    [0xcb] = '>d',
    [0xcc] = '>B',
    [0xcd] = '>I2',
    [0xce] = '>I4',
    [0xcf] = '>I8',
    [0xd0] = '>b',
    [0xd1] = '>i2',
    [0xd2] = '>i4',
    [0xd3] = '>i8',
}
local SIZED = {
    [0xc4] = '>s1',
    [0xc5] = '>s2',
    [0xc6] = '>s4',
    [0xd9] = '>s1',
    [0xda] = '>s2',
    [0xdb] = '>s4',
}
local COUNTED = {
    [0xdc] = { '>I2', unpack_array },
    [0xdd] = { '>I4', unpack_array },
    [0xde] = { '>I2', unpack_map },
    [0xdf] = { '>I4', unpack_map },
    [0xc7] = { '>B', unpack_extension },
    [0xc8] = { '>I2', unpack_extension },
    [0xc9] = { '>I4', unpack_extension },
}
local CONSTANTS = { [0xc0] = { nil }, [0xc2] = { false }, [0xc3] = { true } }

function unpack_value(data, at)
    local first = data:byte(at)
    at = at + 1
    if first < 0x80 then
        return first, at
    elseif first >= 0xe0 then
        return first - 0x100, at
    elseif first < 0x90 then
        return unpack_map(data, at, first & 0x0f)
    elseif first < 0xa0 then
        return unpack_array(data, at, first & 0x0f)
    elseif first < 0xc0 then
        local size = first & 0x1f
        return data:sub(at, at + size - 1), at + size
    elseif CONSTANTS[first] then
        return CONSTANTS[first][1], at
    elseif NUMBERS[first] or SIZED[first] then
        return unpack_bytes(NUMBERS[first] or SIZED[first], data, at)
    elseif COUNTED[first] then
        local size
        size, at = unpack_bytes(COUNTED[first][1], data, at)
        return COUNTED[first][2](data, at, size)
    end
    return unpack_extension(data, at, 1 << (first - 0xd4))
end

local msgpack = {}

function msgpack.pack(value)
    local out = {}
    pack_value(out, value, 0)
    return table.concat(out)
end

-- Arguments are an array that may hold nil anywhere.
function msgpack.pack_args(...)
    local count = select('#', ...)
    local out = { head(count, 0x90, 16, ARRAYS) }
    for position = 1, count do
        pack_value(out, (select(position, ...)), 0)
    end
    return table.concat(out)
end

function msgpack.unpack(data)
    return (unpack_value(data, 1))
end

-- Returns the table and how many arguments it holds.
function msgpack.unpack_args(data)
    local found, _, size = unpack_value(data, 1)
    return found, size
end

return msgpack
