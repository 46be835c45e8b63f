# /// script
# dependencies = ["sqlalchemy"]
# [tool.libraries]
# environment = "core"
# ///
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "author"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    books: Mapped[list["Book"]] = relationship(back_populates="author")


class Book(Base):
    __tablename__ = "book"
    id: Mapped[int] = mapped_column(primary_key=True)
    author_id: Mapped[int] = mapped_column(sa.ForeignKey("author.id"))
    author: Mapped[Author] = relationship(back_populates="books")


engine = sa.create_engine("sqlite://")
Base.metadata.create_all(engine)
with Session(engine) as session:
    session.add(Author(name="a", books=[Book(), Book()]))
    session.commit()
    assert len(session.scalars(sa.select(Author)).one().books) == 2
assert "FOR UPDATE" in str(sa.select(Author).with_for_update().compile(dialect=sa.dialects.registry.load("mysql")()))
