"""What elements of models are made of: fields, and where their values are kept.

An element on its own keeps its values itself. Once it is in a model it reads and writes
through to the model, which shares values between copies and keeps its columns in step.
"""

import copy
import datetime
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar, overload

T = TypeVar("T")


class UnsetField(AttributeError, NotImplementedError):
    """A field was read that nobody ever assigned"""


class Home(Protocol):
    """The model that an element is part of"""

    def write(self, element: "Element", name: str, value: Any) -> None:
        """Store a field of an element of this model"""

    def lend(self, element: "Element", name: str) -> Any:
        """Return a value that the caller may change in place"""


class Unset:
    """Marks a field without default"""


UNSET = Unset()


class Field(Generic[T]):
    """One field: how a value is read, its default, and whether the data model shows it"""

    def __init__(
        self,
        read: Callable[[Any], T],
        default: Any = UNSET,
        *,
        nullable: bool = False,
        mutable: bool = False,
        published: bool = True,
    ) -> None:
        self.read = read
        self.default = default
        self.nullable = nullable
        self.mutable = mutable
        self.published = published
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, obj: None, owner: type) -> "Field[T]": ...
    @overload
    def __get__(self, obj: "Element", owner: type) -> T: ...
    def __get__(self, obj: "Element | None", owner: type) -> "Field[T] | T":
        if obj is None:
            return self
        return obj.value_of(self)  # type: ignore[no-any-return]

    def __set__(self, obj: "Element", value: T) -> None:
        obj.assign(self.name, self.clean(value))

    def clean(self, value: Any) -> Any:
        """Return ``value`` in the field's type or raise ValueError"""
        if value is None:
            if self.nullable:
                return None
            raise ValueError(f"Field '{self.name}' cannot be None")
        return self.read(value)


def _count(value: Any) -> int:
    number = int(value)
    if number < 0:
        raise ValueError(f"A number of at least 0 is needed, not {value!r}")
    return number


def _amount(value: Any) -> float:
    number = float(value)
    if not number >= 0:
        raise ValueError(f"A number of at least 0 is needed, not {value!r}")
    return number


def moment(value: Any) -> datetime.datetime:
    """Return a naive UTC time from one, or from its ISO text"""
    if isinstance(value, datetime.datetime):
        return value
    moment = datetime.datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    if moment.tzinfo:
        moment = moment.astimezone(datetime.UTC).replace(tzinfo=None)
    return moment


def text(default: Any = UNSET, **kwargs: Any) -> Field[str]:
    """Declare a field that holds text"""
    return Field(str, default, **kwargs)


def text_or_none(default: Any = UNSET, **kwargs: Any) -> Field[str | None]:
    """Declare a field that holds text or nothing"""
    return Field(str, default, nullable=True, **kwargs)


def count(default: Any = UNSET, **kwargs: Any) -> Field[int]:
    """Declare a field that holds an integer of at least 0"""
    return Field(_count, default, **kwargs)


def amount(default: Any = UNSET) -> Field[float]:
    """Declare a field that holds a number of at least 0"""
    return Field(_amount, default)


def flag(default: Any = UNSET, **kwargs: Any) -> Field[bool]:
    """Declare a field that is true or false"""
    return Field(bool, default, **kwargs)


def time(**kwargs: Any) -> Field[datetime.datetime]:
    """Declare a field that holds a naive UTC time"""
    return Field(moment, **kwargs)


def mapping(default: Any = UNSET, **kwargs: Any) -> Field[dict[str, Any]]:
    """Declare a field that holds a JSON object"""
    return Field(dict, default, mutable=True, **kwargs)


def listing(default: Any = UNSET, **kwargs: Any) -> Field[list[Any]]:
    """Declare a field that holds a JSON list"""
    return Field(list, default, mutable=True, **kwargs)


def gigabytes(default: Any = UNSET) -> Field[int | float]:
    """Declare a field of whole GB, negative where a backend says so; inf is unlimited"""
    return Field(_gigabytes, default)


def _gigabytes(value: Any) -> int | float:
    number = float(value)
    return number if math.isinf(number) else int(number)


class Element:
    """Something in a cluster; fields read as attributes or as items"""

    KEY: ClassVar[str] = "uuid"
    fields: ClassVar[Mapping[str, Field[Any]]] = {}
    defaults: ClassVar[Mapping[str, Any]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        mine = {n: f for n, f in vars(cls).items() if isinstance(f, Field)}
        cls.fields = {**cls.fields, **mine}
        cls.defaults = {
            n: f.default
            for n, f in cls.fields.items()
            if not isinstance(f.default, Unset)
        }

    def __init__(self, **values: Any) -> None:
        self._home: Home | None = None
        self._data: dict[str, Any] = copy.deepcopy(dict(self.defaults))
        self.update(values)

    @classmethod
    def within(cls, home: Home, data: dict[str, Any]) -> Self:
        """Make the element that stands for ``data`` in a model"""
        element = cls.__new__(cls)
        element._home = home
        element._data = data
        return element

    def rebind(self, home: Home | None, data: dict[str, Any]) -> None:
        """Go on with other storage: the model's, or one's own after leaving it"""
        self._home = home
        self._data = data

    @property
    def data(self) -> Mapping[str, Any]:
        """The values that are set, without copying them: for reading only"""
        return self._data

    @property
    def home(self) -> Home | None:
        """The model that holds the element"""
        return self._home

    def value_of(self, field: Field[Any]) -> Any:
        """Return a field's value; one that can change in place is the element's own"""
        try:
            value = self._data[field.name]
        except KeyError:
            raise UnsetField(
                f"{type(self).__name__}.{field.name} was never assigned"
            ) from None
        if field.mutable and self._home is not None:
            return self._home.lend(self, field.name)
        return value

    def assign(self, name: str, value: Any) -> None:
        """Store a value that is known to be of the field's type"""
        if self._home is None:
            self._data[name] = value
        else:
            self._home.write(self, name, value)

    def update(self, values: Mapping[str, Any]) -> None:
        """Assign several fields"""
        for name, value in values.items():
            setattr(self, name, value)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields that are set"""
        return copy.deepcopy(self._data)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a field, or ``default`` when it was never assigned"""
        return getattr(self, name, default)

    def keys(self) -> list[str]:
        """Return the names of all fields"""
        return list(self.fields)

    def __getitem__(self, name: str) -> Any:
        if name not in self.fields:
            raise KeyError(name)
        return getattr(self, name)

    def __setitem__(self, name: str, value: Any) -> None:
        if name not in self.fields:
            raise KeyError(name)
        setattr(self, name, value)

    def __contains__(self, name: object) -> bool:
        return name in self._data

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, type(self)):
            return NotImplemented
        return self._data == other._data

    def __hash__(self) -> int:
        return hash((type(self).__name__, self._data.get(self.KEY)))

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        twin = type(self).__new__(type(self))
        twin.rebind(None, copy.deepcopy(self._data, memo))
        return twin

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self._data)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._data.get(self.KEY)}>"


def _rebuild(cls: type[Element], data: dict[str, Any]) -> Element:
    element = cls.__new__(cls)
    element.rebind(None, dict(data))
    return element
